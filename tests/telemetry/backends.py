"""The three stores under test, each with what a test needs to break it."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telemetry import EmbeddedSettings, InfluxSettings, TelemetrySettings
from tests.servers import Influxd
from tests.telemetry.http_server import HttpServer
from tests.telemetry.v2_gateway import ORG, TOKEN, V2Gateway

KINDS = ("embedded", "influx_v1", "influx_v2")
INFLUX_KINDS = KINDS[1:]

USERNAME, PASSWORD = "oxywatch", "mật khẩu: có dấu"


class AccountInfluxd(Influxd):
    """influxd that refuses whoever has no account."""

    def prepare(self) -> None:
        """Write influxdb.conf, its last section being [http]."""
        super().prepare()
        path = self.folder / "influxdb.conf"
        self.write(path.name, path.read_text(encoding="utf-8") + "auth-enabled = true\n")

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """Run one InfluxQL statement as the administrator; return its series."""
        body = urllib.parse.urlencode({"q": statement, "db": database}).encode()
        request = urllib.request.Request(f"{self.url}/query", body)
        account = b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {account}")
        with urllib.request.urlopen(request, timeout=30) as got:
            result = json.load(got)["results"][0]
        assert "error" not in result, result
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def add_administrator(self) -> None:
        """Make the account; a server without any lets everybody make the first."""
        statement = f"CREATE USER {USERNAME} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"
        body = urllib.parse.urlencode({"q": statement}).encode()
        with urllib.request.urlopen(f"{self.url}/query", body, timeout=30) as got:
            assert "error" not in json.load(got)["results"][0]


@dataclass
class InfluxServers:
    """An influxd with an account, and the gateway in front of it."""

    influxd: AccountInfluxd
    gateway: V2Gateway = field(init=False)
    gateway_server: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self.gateway = V2Gateway(self.influxd.url, (USERNAME, PASSWORD))
        self.gateway_server = self.gateway.serve()


def influx_settings(
    kind: str, servers: InfluxServers, folder: Path, *, create: bool = True, **changes: Any
) -> InfluxSettings:
    """Return settings for a database of its own, secrets in files of `folder`."""
    name = f"test_{uuid.uuid4().hex}"
    password_file, token_file = folder / "password", folder / "token"
    password_file.write_text(PASSWORD + "\n", encoding="utf-8")
    token_file.write_text(TOKEN + "\n", encoding="utf-8")
    given: dict[str, Any] = {"timeout_s": 20.0}
    if kind == "influx_v1":
        given |= {"api": "v1", "url": servers.influxd.url, "database": name}
        given |= {"username": USERNAME, "password_file": password_file}
        if create:
            servers.influxd.create_database(name)
    else:
        given |= {"api": "v2", "url": servers.gateway_server.url + "/", "bucket": name, "gzip": True}
        given |= {"org": ORG, "token_file": token_file}
        if create:
            asyncio.run(servers.gateway.add_bucket(name))
    return InfluxSettings(**(given | changes))


def embedded_settings(folder: Path, **changes: Any) -> EmbeddedSettings:
    """Return settings for a new file in `folder`."""
    return EmbeddedSettings(**({"path": folder / "dữ liệu #1 100%.db"} | changes))


def settings_text(settings: TelemetrySettings) -> str:
    """Return settings as JSON for another process; secrets go by their files."""
    return settings.model_dump_json(exclude_none=True)
