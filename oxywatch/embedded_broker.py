"""The broker of `oxywatch run` when no other is named: loopback only, nothing kept over a restart.

Nothing that OxyWatch promises depends on what a broker keeps.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from iotcore import Broker

_CONFIGURATION = """# Written by `oxywatch run` at every start.
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 1000
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


async def run_broker(folder: Path, host: str, port: int, stop: asyncio.Event) -> None:
    """Run the broker until `stop` is set; raises RuntimeError when it dies, so that it is started again."""
    path = folder / "broker.toml"
    path.write_text(_CONFIGURATION.format(host=host, port=port), encoding="utf-8")
    broker = Broker(config_path=str(path))
    await asyncio.to_thread(broker.start)
    try:
        while not stop.is_set():
            if not broker.is_running:
                raise RuntimeError("the embedded broker died")
            await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(broker.stop)
