"""The embedded broker as a server that tests can kill and freeze."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from tests.servers import Server

CONFIGURATION = """
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 10485760
max_segment_count = 10
[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
"""

# The broker ends when its standard input closes; a pipe to itself stays open as long as it lives.
CHILD = (
    "import os, sys; ends = os.pipe(); os.dup2(ends[0], 0);"
    "sys.path[:] = [p for p in sys.path if p not in ('', '.')];"
    "from iotcore._serve import main; main()"
)


class Iotcore(Server):
    """iotcore with an MQTT 5 listener on a loopback port; keeps nothing over a restart."""

    name = "iotcore"
    accounts = ()

    def __init__(self) -> None:
        super().__init__()
        self.account = None  # the interpreter may stand in a folder that only we can enter
        os.chown(self.folder, os.geteuid(), os.getegid())

    def prepare(self) -> None:
        """Write the broker's TOML."""
        self.write("broker.toml", CONFIGURATION.format(host=self.host, port=self.port))

    def command(self) -> Sequence[str]:
        """Return the command for the configuration just written."""
        options = json.dumps({"config_path": str(self.folder / "broker.toml")})
        return [sys.executable, "-c", CHILD, options]
