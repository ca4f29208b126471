"""Two real ingest processes on one shard: one serves, the other stands by and takes over."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from broker_link import BrokerSettings, Session
from oxygen.errors import Retryable
from oxygen.reading import DIFFERENTIAL_PRESSURE, Quality, Reason, Sample, Signal
from oxygen.wire.batch import to_columns
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import VERSION, Ack, Lane, Samples
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic
from records import leases, registry, status
from records.database import Database
from records.leases import Lease
from tests.records import samples
from tests.servers import Mosquitto, Postgres

LASTS_S = 2.0
ADDRESS = GatewayAddress("hcm", "bv-cho-lon", "gw-cho-lon")
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[records]
url = "{url}"
[telemetry]
kind = "embedded"
path = "{folder}/telemetry.sqlite"
[broker]
port = {port}
[ingest]
shards = ["*"]
instance = "{name}"
registry_every_s = 0.5
[ingest.lease]
lasts_s = {lasts}
renew_every_s = 0.4
stop_before_s = 0.5
try_every_s = 0.1
"""


class Replica:
    """One `oxywatch ingest`."""

    def __init__(self, name: str, folder: Path, url: str, port: int) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._config = folder / f"{name}.toml"
        text = SETTINGS.format(url=url, folder=folder, port=port, name=name, lasts=LASTS_S)
        self._config.write_text(text, encoding="utf-8")
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            command = (sys.executable, "-m", "oxywatch", "ingest", "-c", str(self._config))
            self.process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    async def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
def records_url(postgres: Postgres, postgres_url: str) -> str:
    return postgres_url.replace("+asyncpg", "")


@pytest.fixture
async def database(records_url: str) -> AsyncIterator[Database]:
    opened = Database(records_url)
    await opened.migrate()
    async with opened.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    yield opened
    await opened.close()


@pytest.fixture
async def replicas(
    database: Database, records_url: str, tmp_path: Path, mosquitto: Mosquitto
) -> AsyncIterator[Callable[[str], Replica]]:
    made: list[Replica] = []

    def make(name: str) -> Replica:
        made.append(Replica(name, tmp_path, records_url, mosquitto.port))
        return made[-1]

    yield make
    for replica in made:
        await replica.end()


class Gateway:
    """Publishes readings until one is acknowledged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seq = 0
        self.tokens: list[int] = []

    async def acknowledged(self, within_s: float = 20.0) -> int:
        """Send the next reading, again and again; return the token of the answer that has it stored."""
        self._seq += 1
        async with asyncio.timeout(within_s):
            while True:
                await self._send()
                token = await self._answer(0.3)
                if token is not None:
                    return token

    async def _send(self) -> None:
        now_us = time.time_ns() // 1000
        reading = Signal(20_000.0, Quality.GOOD, Reason.OK, None)
        sample = Sample(
            subject="tank:cho-lon-1",
            seq=self._seq,
            t_us=now_us,
            boot="b",
            mono_us=now_us,
            signals={DIFFERENTIAL_PRESSURE: reading},
        )
        message = Samples(VERSION, "epoch", self._seq, Lane.LIVE, now_us, "b", to_columns([sample]))
        await self._session.publish(gateway_topic(ADDRESS, Leaf.SAMPLES), pack(message))

    async def _answer(self, within_s: float) -> int | None:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    ack = unpack((await self._session.receive()).payload, Ack)
                    self.tokens.append(ack.lease_token)
                    if any(first <= self._seq <= last for first, last in ack.stored):
                        return ack.lease_token
        except TimeoutError:
            return None


@pytest.fixture
async def gateway(mosquitto: Mosquitto) -> AsyncIterator[Gateway]:
    broker = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    session = Session(broker, client_id="gw-of-leasing", subscriptions=[gateway_topic(ADDRESS, Leaf.ACK)])
    async with session:
        await asyncio.wait_for(session.connected.wait(), 10)
        yield Gateway(session)


async def lease_of(database: Database) -> Lease | None:
    try:
        async with database.read() as tx:
            return next(iter(await leases.leases(tx)), None)
    except Retryable:
        return None


async def until_held_by(database: Database, name: str, within_s: float) -> Lease:
    async with asyncio.timeout(within_s):
        while True:
            lease = await lease_of(database)
            if lease is not None and lease.holder == name:
                return lease
            await asyncio.sleep(0.05)


async def tokens_of_rows(database: Database) -> list[int]:
    async with database.read() as tx:
        return [row.lease_token for row in await status.statuses_after(tx, 0, limit=10_000)]


async def test_one_process_alone_serves_soon_after_its_start_and_gives_back(
    replicas: Callable[[str], Replica], gateway: Gateway, database: Database
) -> None:
    alone = replicas("alone")
    await alone.start()
    first = await gateway.acknowledged()
    lease = await lease_of(database)
    alone.signal(signal.SIGTERM)
    assert alone.process is not None
    assert await asyncio.wait_for(alone.process.wait(), 20) == 0

    assert lease is not None
    assert first == lease.token
    assert set(await tokens_of_rows(database)) == {lease.token}
    second = replicas("second")
    await second.start()
    assert await gateway.acknowledged() > first, alone.log()


async def test_the_second_takes_over_from_a_killed_one(
    replicas: Callable[[str], Replica], gateway: Gateway, database: Database
) -> None:
    first, second = replicas("first"), replicas("second")
    await first.start()
    served = await until_held_by(database, "first", 20)
    await second.start()
    assert await gateway.acknowledged() == served.token

    first.signal(signal.SIGKILL)
    killed_s = time.monotonic()
    taken = await until_held_by(database, "second", 3 * LASTS_S + 10)
    took_s = time.monotonic() - killed_s

    assert took_s < 3 * LASTS_S
    assert await gateway.acknowledged() == taken.token, second.log()


async def test_a_frozen_one_finds_itself_replaced_and_stands_by(
    replicas: Callable[[str], Replica], gateway: Gateway, database: Database
) -> None:
    """It serves again when the second is gone, without a restart."""
    first, second = replicas("first"), replicas("second")
    await first.start()
    await until_held_by(database, "first", 20)
    await gateway.acknowledged()
    await second.start()
    first.signal(signal.SIGSTOP)
    await until_held_by(database, "second", 60)
    await gateway.acknowledged()
    first.signal(signal.SIGCONT)
    await gateway.acknowledged()
    tokens = await tokens_of_rows(database)
    async with asyncio.timeout(20):
        while "lease lost" not in first.log():
            await asyncio.sleep(0.05)
    second.signal(signal.SIGTERM)
    again = await until_held_by(database, "first", 20)

    assert tokens == sorted(tokens)
    assert await gateway.acknowledged() == again.token
    assert first.process is not None
    assert first.process.returncode is None


@pytest.fixture(autouse=True)
def _logs_are_shown(tmp_path: Path) -> Iterator[None]:
    """What the processes said, beside a failure."""
    yield
    for log in sorted(tmp_path.glob("*.log")):
        sys.stdout.write(f"--- {log.name}\n{log.read_text(encoding='utf-8')[-1500:]}\n")
