"""The proof that nothing was lost and nothing doubled: on sets, against the agents' own archive."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from edge_agent.spool import Rows, Spool
from oxygen import engine
from oxygen.daily import DayFigures
from oxygen.engine import TankState
from oxygen.reading import Sample
from oxygen.tank import Tank, parse_geometry
from records import status as status_records
from tests.e2e.house import FACILITY, GEOMETRY, TANKS, WORKING_PRESSURE_BAR, House

Key = tuple[str, int]
"""Epoch and sequence number."""


async def problems(house: House) -> list[str]:
    """Return everything that is wrong; an empty list is the proof. The agents must have stopped."""
    found: list[str] = []
    total = 0
    for gateway, tank in TANKS.items():
        stored = stored_samples(house, gateway)
        archive, unstored = archived_samples(house, gateway)
        covered = await covered_otherwise(house, gateway)
        found += _compare(gateway, stored, archive, unstored, covered)
        total += len(stored)
        fold = replay({key: archive[key] for key in stored if key in archive})
        found += await _compare_figures(house, f"tank:{tank}", fold)
    count = engine_count(house)
    if count != total:
        found.append(f"the engines folded {count} samples, the store holds {total}")
    return found


def _compare(
    gateway: str, stored: list[Key], archive: dict[Key, Sample], unstored: set[Key], covered: set[Key]
) -> list[str]:
    found = []
    if len(stored) != len(set(stored)):
        found.append(f"{gateway}: {len(stored) - len(set(stored))} samples stand in the store twice")
    lost = set(archive) - unstored - set(stored) - covered
    if lost:
        found.append(f"{gateway}: {len(lost)} samples were called stored and are not: {sorted(lost)[:5]}")
    strange = set(stored) - set(archive)
    if strange:
        found.append(f"{gateway}: {len(strange)} samples in the store were never committed")
    if set(stored) & covered:
        found.append(f"{gateway}: samples stand in the store and in the dead letters or gaps")
    return found


def stored_samples(house: House, gateway: str) -> list[Key]:
    """Return (epoch, seq) of every raw point, straight from InfluxDB."""
    rows = _rows(house, f"SELECT epoch, seq FROM raw WHERE gateway = '{gateway}'")
    return [(str(row["epoch"]), int(row["seq"])) for row in rows]


def archived_samples(house: House, gateway: str) -> tuple[dict[Key, Sample], set[Key]]:
    """Return every committed sample of the spool, and which of them it does not take for stored."""
    path = house.spool_path(gateway)
    connection = sqlite3.connect(path)
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    stored = connection.execute("SELECT first, last FROM stored").fetchall()
    connection.close()
    epoch = str(meta["epoch"])
    spool = Spool(path, max_bytes=1 << 30)
    try:
        samples: dict[Key, Sample] = {}
        last, at = spool.last_seq, 1
        while at <= last:
            piece = spool.piece(at, last, 500)
            assert isinstance(piece, Rows), f"{gateway}: committed samples {at}… are gone"
            samples.update({(epoch, sample.seq): sample for sample in piece.samples})
            at = piece.samples[-1].seq + 1
    finally:
        spool.close()
    assert sorted(seq for _, seq in samples) == list(range(1, last + 1)), "the epoch has holes"
    freed = {seq for first, end in stored for seq in range(first, end + 1)}
    return samples, {key for key in samples if key[1] not in freed}


def unstored_count(house: House, gateway: str) -> int:
    """Return how many committed samples a running agent still has to bring home; 0 before its first."""
    path = house.spool_path(gateway)
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (last,) = connection.execute("SELECT value FROM meta WHERE key = 'last_seq'").fetchone()
        (stored,) = connection.execute("SELECT total(last - first + 1) FROM stored").fetchone()
    finally:
        connection.close()
    return int(last) - int(stored)


async def covered_otherwise(house: House, gateway: str) -> set[Key]:
    """Return (epoch, seq) of dead letters and declared gaps."""
    database = house.database()
    async with database.read() as tx:
        letters = await status_records.dead_letters(tx, gateway=gateway, limit=10_000)
        gaps = await status_records.gaps(tx, gateway)
    await database.close()
    runs = [(item.epoch, item.first_seq, item.last_seq) for item in letters]
    runs += [(item.epoch, item.first_seq, item.last_seq) for item in gaps]
    return {
        (str(epoch), seq)
        for epoch, first, last in runs
        if first is not None and last is not None
        for seq in range(first, last + 1)
    }


def engine_count(house: House) -> int:
    """Return how many samples the engines say they folded, by ingest's own last point."""
    rows = _rows(house, "SELECT last(engine_samples) AS n FROM ingest")
    return int(rows[0]["n"]) if rows else -1


def _rows(house: House, statement: str) -> list[dict[str, Any]]:
    return [
        dict(zip(series["columns"], values, strict=True))
        for series in house.influxd.query(statement, "oxywatch")
        for values in series["values"]
    ]


def replay(samples: dict[Key, Sample]) -> tuple[TankState, dict[str, DayFigures]]:
    """Fold a tank's samples in one sorted pass."""
    tank = Tank("t", FACILITY, parse_geometry(GEOMETRY), WORKING_PRESSURE_BAR * 1e5)
    state = TankState()
    days: dict[str, DayFigures] = {}
    for (epoch, _), sample in sorted(samples.items(), key=lambda item: engine.order_key(item[1], item[0][0])):
        engine.advance(state, sample, engine.order_key(sample, epoch), tank)
        days[state.days[-1].day] = state.days[-1]
    return state, days


async def _compare_figures(
    house: House, subject: str, fold: tuple[TankState, dict[str, DayFigures]]
) -> list[str]:
    state, days = fold
    database = house.database()
    async with database.read() as tx:
        row = await status_records.latest_status(tx, subject)
        stored_days = await status_records.tank_days(
            tx, subjects=[subject], since="2000-01-01", until="2999-01-01"
        )
    await database.close()
    if row is None:
        return [f"{subject} has no status"]
    found = _differences(f"{subject} mass", row.status.mass_kg, state.balance.smoothed_kg)
    found += _differences(f"{subject} draw", row.status.draw_kg_per_h, state.balance.draw_kg_per_h)
    if {day.local_date for day in stored_days} != set(days):
        found.append(f"{subject}: days {[day.local_date for day in stored_days]}, expected {sorted(days)}")
    for day in stored_days:
        expected = days.get(day.local_date)
        if expected is not None:
            found += _differences(f"{subject} consumed", day.consumed_kg, expected.consumed_kg)
            found += _differences(f"{subject} refilled", day.refilled_kg, expected.refilled_kg)
            found += _differences(f"{subject} closing", day.closing_kg, expected.closing_kg)
    return found


def _differences(what: str, value: Any, expected: Any) -> list[str]:
    if value == expected or (value is not None and value == pytest.approx(expected, rel=1e-9, abs=1e-9)):
        return []
    return [f"{what} is {value}, a replay of the archive gives {expected}"]
