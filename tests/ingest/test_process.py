"""`oxywatch ingest` as a process, killed again and again between a real broker and real databases.

At the end the sets tell: what was sent stands in the store, in the dead letters or in a gap, each once; the
engines folded exactly what the store holds; days equal one sorted pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.day_desk import tank_day
from oxygen import engine
from oxygen.engine import TankState
from oxygen.reading import Sample, Signal
from records import status as status_records
from records import work as work_records
from records.status import TankDay
from tests.conftest import InfluxDatabase
from tests.ingest.gateway import FakeGateway
from tests.ingest.messages import ADDRESS, SHARD, batch
from tests.ingest.site import STATUS_EVERY_S, Setup, Site, now_us
from tests.oxygen.readings import HOUR, MINUTE, TANK, S, broken, good, sample
from tests.servers import Mosquitto

KILLS = 5
BACKLOG_MINUTES = 180
SILENT = "tank:a-3"
HISTORY_EPOCH = "history-1"

Key = tuple[str, int]


@pytest.fixture(params=["sqlite and embedded", "postgresql and influxdb"])
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    if request.param == "sqlite and embedded":
        embedded = {"kind": "embedded", "path": str(tmp_path / "telemetry.sqlite")}
        return Setup(f"sqlite:///{tmp_path / 'records.sqlite'}", embedded)
    influx: InfluxDatabase = request.getfixturevalue("influx_database")
    url: str = request.getfixturevalue("postgres_url")
    return Setup(url, {"kind": "influx", "url": influx.url, "api": "v1", "database": influx.name})


@pytest.fixture
async def site(setup: Setup, tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Site]:
    made = Site(tmp_path, setup, mosquitto.port)
    await made.prepare()
    yield made
    await made.close()


def backlog(gateway: FakeGateway) -> None:
    """Three hours of both tanks, a reading a minute, as a gateway holds them after an outage."""
    begin_us = now_us() - BACKLOG_MINUTES * MINUTE
    for minute in range(BACKLOG_MINUTES):
        t_us = begin_us + minute * MINUTE
        mass = 6000.0 - minute / 2 + 4000.0 * min(max((minute - 60) / 30, 0.0), 1.0)
        gateway.read("tank:a-1", t_us, broken() if 120 <= minute < 130 else good(round(mass, 2)))
        gateway.read("tank:a-2", t_us + 7, good(9000.0 - minute / 3))


def live(gateway: FakeGateway, chance: random.Random) -> None:
    """What comes in while the test runs: healthy, undated, refused, and numbers that hold nothing."""
    gateway.read("tank:a-1", now_us(), good(9900.0))
    gateway.read("tank:a-2", None if chance.random() < 0.3 else now_us(), good(8940.0))
    if chance.random() < 0.2:
        gateway.read("tank:a-9", now_us(), good(1.0))
    if chance.random() < 0.1:
        gateway.read("tank:a-1", now_us() + HOUR, {"dp_pa": Signal(1.0)})
    if chance.random() < 0.1:
        gateway.lose(3)


def history(path: Path) -> list[Sample]:
    """Write two days of a-2 before the backlog."""
    begin_us = now_us() - 60 * HOUR
    samples = [
        sample(begin_us + n * 10 * MINUTE, good(12_000.0 - 4 * n), seq=n + 1, subject="tank:a-2")
        for n in range(288)
    ]
    with path.open("wb") as file:
        for start in range(0, len(samples), 12):
            message = batch(samples[start : start + 12], epoch=HISTORY_EPOCH)
            line = {"shard": SHARD, "facility": ADDRESS.facility, "gateway": ADDRESS.gateway}
            file.write(msgspec.json.encode({**line, "message": message}) + b"\n")
    return samples


async def test_nothing_is_lost_or_doubled_by_any_kill(
    site: Site, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    chance = random.Random(20)
    gateway = FakeGateway(mosquitto.port, f"epoch-{random.SystemRandom().randrange(10**9)}", seed=5)
    backlog(gateway)
    past = history(tmp_path / "history.jsonl")
    async with site.database.write() as tx:
        params = {"path": str(tmp_path / "history.jsonl")}
        work = await work_records.request_work(tx, "backfill", SHARD, params, actor="test", now_us=now_us())
    sending = asyncio.create_task(gateway.run())
    try:
        site.start()
        for _ in range(KILLS):
            await flow(gateway, chance, 1.2 + 1.5 * chance.random())
            site.kill()
            site.start()
        await flow(gateway, chance, 1.0)
        await site.until("everything is acknowledged", 40, gateway.all_stored)

        async def done() -> bool:
            async with site.database.read() as tx:
                item = await work_records.work_item(tx, work)
            assert item is not None
            assert item.state != "failed", item.note
            return item.state == "done"

        await site.until("the history is in", 40, done)
        await prove(site, gateway, past)
        await prove_statuses(site, gateway)
        assert site.stop() == 0
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


async def flow(gateway: FakeGateway, chance: random.Random, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        live(gateway, chance)
        await asyncio.sleep(0.1)


async def prove(site: Site, gateway: FakeGateway, past: list[Sample]) -> None:
    """Compare sets, counts and days."""
    refused = {
        seq
        for seq, each in gateway.samples.items()
        if each.subject == "tank:a-9" or (each.t_us or 0) > now_us() + 10 * MINUTE
    }
    sent = {(gateway.epoch, seq) for seq in gateway.samples if seq not in refused}
    sent |= {(HISTORY_EPOCH, each.seq) for each in past}

    raw = await site.raw()
    assert {key: places for key, places in raw.items() if len(places) > 1} == {}
    assert set(raw) == sent
    assert await numbers_in_letters(site, gateway.epoch) == refused
    assert await numbers_in_gaps(site, gateway.epoch) == {
        seq for first, last in gateway.gaps for seq in range(first, last + 1)
    }
    await site.until("the engines folded what the store holds", 20, lambda: site.settled(len(raw)))
    for code in ("a-1", "a-2"):
        expected = days_of(f"tank:{code}", gateway, past, raw)

        async def days_are_right(subject: str = f"tank:{code}", wanted: Any = expected) -> bool:
            return bool(await days_in_records(site, subject) == wanted)

        await site.until(f"days of {code} are {expected}", 10, days_are_right)


async def numbers_in_letters(site: Site, epoch: str) -> set[int]:
    async with site.database.read() as tx:
        letters = await status_records.dead_letters(tx, limit=100_000)
    runs = [(item.first_seq, item.last_seq) for item in letters if item.epoch == epoch]
    numbers = [seq for first, last in runs for seq in range(first or 0, (last or 0) + 1)]
    assert len(numbers) == len(set(numbers))
    return set(numbers)


async def numbers_in_gaps(site: Site, epoch: str) -> set[int]:
    async with site.database.read() as tx:
        gaps = [gap for gap in await status_records.gaps(tx) if gap.epoch == epoch]
    numbers = [seq for gap in gaps for seq in range(gap.first_seq, gap.last_seq + 1)]
    assert len(numbers) == len(set(numbers))
    return set(numbers)


Figures = dict[str, tuple[float | None, ...]]


def figures(day: TankDay) -> tuple[float | None, ...]:
    masses = (day.opening_kg, day.closing_kg, day.minimum_kg, day.refilled_kg, day.consumed_kg)
    return (*(None if mass is None else round(mass, 3) for mass in masses), day.good_samples)


def days_of(subject: str, gateway: FakeGateway, past: list[Sample], raw: Any) -> Figures:
    """Fold what was sent, sorted, with nothing but the pure engine; undated samples have the store's time."""
    own = [(gateway.epoch, each) for each in gateway.samples.values()]
    rows = []
    for epoch, each in [*own, *((HISTORY_EPOCH, each) for each in past)]:
        if each.subject == subject and (epoch, each.seq) in raw:
            ((_, t_us),) = raw[epoch, each.seq]
            rows.append(((t_us, epoch, each.seq), each))
    state = TankState()
    days: dict[str, Any] = {}
    for key, each in sorted(rows, key=lambda item: item[0]):
        engine.advance(state, each, key, TANK)
        days.update({day.day: day for day in state.days})
    return {name: figures(tank_day(subject, "bv-a", day, now_us())) for name, day in days.items()}


async def days_in_records(site: Site, subject: str) -> Figures:
    async with site.database.read() as tx:
        rows = await status_records.tank_days(tx, subjects=[subject], since="0000", until="9999")
    return {day.local_date: figures(day) for day in rows}


async def prove_statuses(site: Site, gateway: FakeGateway) -> None:
    """Late rows speak of the past, live ones of now; a silent tank is spoken of in time."""
    begun = now_us()
    await asyncio.sleep(3 * STATUS_EVERY_S)
    rows = await site.statuses()

    late, current = [row for row in rows if row.late], [row for row in rows if not row.late]
    assert {row.status.source for row in late} == {"backfill"}
    assert "fault" in {row.status.state for row in late if row.status.subject == "tank:a-1"}
    assert all(row.status.evaluated_us < row.written_us - 10 * MINUTE for row in late)
    assert {row.status.source for row in current} <= {"live", "aged"}
    assert "fault" not in {row.status.state for row in current if row.status.evaluated_us > begun}
    silent = [row.written_us for row in current if row.status.subject == SILENT and row.written_us > begun]
    moments = [begun, *silent, begun + round(3 * STATUS_EVERY_S * S)]
    assert max(after - before for before, after in pairwise(moments)) < 2 * STATUS_EVERY_S * S
    assert {status.subject for status in gateway.statuses} == {"tank:a-1", "tank:a-2", SILENT}


async def test_bad_settings_stop_the_start_with_file_and_key(site: Site) -> None:
    text = site.settings_file.read_text(encoding="utf-8")
    site.settings_file.write_text(
        text.replace("ledger_every_s = 0.5", "ledger_every_s = 0"), encoding="utf-8"
    )

    site.start()
    assert site._process is not None
    assert await asyncio.to_thread(site._process.wait, 30) == 2

    assert "ingest.ledger_every_s" in site.log.read_text(encoding="utf-8")
    assert str(site.settings_file) in site.log.read_text(encoding="utf-8")
