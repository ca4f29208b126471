"""A new InfluxDB server gets what the store needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from oxygen.errors import Permanent, Retryable
from telemetry import open_store
from telemetry.influx_setup import ensure_database
from tests.telemetry.backends import INFLUX_KINDS, InfluxServers, influx_settings
from tests.telemetry.points import T0_US, point, read


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_a_missing_database_is_made_once(
    kind: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """Afterwards the store writes and reads, and doing it again keeps the data."""
    settings = await asyncio.to_thread(influx_settings, kind, influx_servers, tmp_path, create=False)
    store = open_store(settings)
    with pytest.raises(Permanent):
        await store.write([point(T0_US, {"seq": 1})])

    await ensure_database(settings)
    await store.write([point(T0_US, {"seq": 1})])
    await ensure_database(settings)

    assert len(await read(store)) == 1
    await store.close()


async def test_a_bucket_is_found_under_the_database_name_given(
    influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """The mapping of a v2 bucket has the database name that InfluxQL will use, once."""
    settings = await asyncio.to_thread(
        influx_settings, "influx_v2", influx_servers, tmp_path, create=False, database="tên khác"
    )

    await ensure_database(settings)
    await ensure_database(settings)

    bucket_id = influx_servers.gateway.buckets[settings.bucket or ""]
    assert influx_servers.gateway.mappings["tên khác"] == bucket_id


async def test_an_unknown_organisation_is_permanent(influx_servers: InfluxServers, tmp_path: Path) -> None:
    """Somebody has to correct the setting."""
    settings = await asyncio.to_thread(
        influx_settings, "influx_v2", influx_servers, tmp_path, create=False, org="no such"
    )
    with pytest.raises(Permanent, match="no such"):
        await ensure_database(settings)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("influx_v1", {"password_file": None, "password": "wrong"}),
        ("influx_v2", {"token_file": None, "token": "wrong"}),
    ],
)
async def test_a_refused_account_is_permanent(
    kind: str, changes: dict[str, Any], influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """An account that may not create databases does not look like an outage."""
    settings = await asyncio.to_thread(
        influx_settings, kind, influx_servers, tmp_path, create=False, **changes
    )
    with pytest.raises(Permanent) as failure:
        await ensure_database(settings)
    assert failure.value.code == "telemetry_refused"


@pytest.mark.parametrize("kind", INFLUX_KINDS)
async def test_a_server_that_is_not_there_is_retryable(
    kind: str, influx_servers: InfluxServers, tmp_path: Path
) -> None:
    """At start-up the database may come later than we do."""
    settings = await asyncio.to_thread(
        influx_settings, kind, influx_servers, tmp_path, create=False, url="http://127.0.0.1:1"
    )
    with pytest.raises(Retryable):
        await ensure_database(settings)
