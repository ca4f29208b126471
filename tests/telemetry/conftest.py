"""Fixtures of the telemetry tests: each of the three stores, empty, and servers to break."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from telemetry import TelemetrySettings, TelemetryStore, open_store
from tests.conftest import serve
from tests.telemetry.backends import (
    KINDS,
    AccountInfluxd,
    InfluxServers,
    embedded_settings,
    influx_settings,
)


@pytest.fixture(scope="session")
def influx_servers() -> Iterator[InfluxServers]:
    """The room's own influxd with an account, and its gateway; leave them running."""
    yield from _influx_servers()


@pytest.fixture
def private_influx_servers() -> Iterator[InfluxServers]:
    """The same for one test alone, which may stop and freeze them."""
    yield from _influx_servers()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the three stores in turn."""
    return str(request.param)


@pytest.fixture
def settings(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> TelemetrySettings:
    """Settings of an empty store."""
    if kind == "embedded":
        return embedded_settings(tmp_path)
    return influx_settings(kind, request.getfixturevalue("influx_servers"), tmp_path)


@pytest_asyncio.fixture
async def store(settings: TelemetrySettings) -> AsyncIterator[TelemetryStore]:
    """An empty store."""
    opened = open_store(settings)
    yield opened
    await opened.close()


def _influx_servers() -> Iterator[InfluxServers]:
    for influxd in serve(AccountInfluxd):
        influxd.add_administrator()
        servers = InfluxServers(influxd)
        with servers.gateway_server:
            yield servers
