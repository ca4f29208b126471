"""Both stores, holding the demo, for all tests of the room."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator

import pytest

from grafana.provisioning import RECORDS_READER
from telemetry import InfluxSettings, open_store
from tests.grafana import demo, demo_records
from tests.grafana.asking import READER, Asker
from tests.servers import Influxd, Postgres


@pytest.fixture(scope="session")
def asker(influxd: Influxd, postgres: Postgres) -> Iterator[Asker]:
    """The demo up to now, in databases of its own; PostgreSQL is asked as Grafana's role."""
    name = f"test_{uuid.uuid4().hex}"
    now_us = time.time_ns() // 1000
    influxd.create_database(name)
    postgres.create_database(name)
    asyncio.run(_fill_influx(influxd.url, name, now_us))
    asyncio.run(demo_records.fill(postgres.url(name), now_us))
    postgres.psql(RECORDS_READER, name)
    address = {"host": postgres.host, "port": postgres.port, "user": READER, "database": name}
    yield Asker(influxd, name, address, now_us // 1000)
    influxd.drop_database(name)
    postgres.drop_database(name)


async def _fill_influx(url: str, name: str, now_us: int) -> None:
    store = open_store(InfluxSettings(url=url, api="v1", database=name))
    await store.write(list(demo.all_points(now_us)))
    await store.close()
