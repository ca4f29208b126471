"""An InfluxDB 1.x server of the test's own."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

from tests.servers.process import Server, ServerError
from tests.servers.programs import find_program

CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
series-id-set-cache-size = 100
[monitor]
store-enabled = false
[subscriber]
enabled = false
[continuous_queries]
enabled = false
[http]
bind-address = "{host}:{port}"
log-enabled = false
"""


class Influxd(Server):
    """influxd on a loopback port, without accounts, keeping its data in its folder."""

    name = "influxd"
    accounts = ("influxdb",)

    @property
    def url(self) -> str:
        """Base address of the HTTP interface."""
        return f"http://{self.host}:{self.port}"

    def prepare(self) -> None:
        """Write influxdb.conf."""
        text = CONFIGURATION.format(folder=self.folder, host=self.host, port=self.port)
        self.write("influxdb.conf", text)

    def command(self) -> Sequence[str]:
        """Return the command for the configuration just written."""
        return [str(find_program("influxd")), "-config", str(self.folder / "influxdb.conf")]

    def check_ready(self) -> bool:
        """Tell whether /ping answers 204."""
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=5) as answer:
                return bool(answer.status == 204)
        except OSError:
            return False

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """Run one InfluxQL statement; return its series. Raises ServerError with the server's reason."""
        body = urllib.parse.urlencode({"q": statement, "db": database}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/query", body, timeout=30) as answer:
                result = json.load(answer)["results"][0]
        except urllib.error.HTTPError as error:
            raise ServerError(f"{statement}: {error.read().decode('utf-8', 'replace')}") from error
        if "error" in result:
            raise ServerError(f"{statement}: {result['error']}")
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def create_database(self, name: str) -> None:
        """Create database `name`; nothing happens when it exists."""
        self.query(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        """Drop database `name`; nothing happens when it does not exist."""
        self.query(f'DROP DATABASE "{name}"')
