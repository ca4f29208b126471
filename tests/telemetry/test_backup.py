"""Backups of each store: what was stored before is in them, while writing goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from oxygen.errors import Rejected, Retryable
from telemetry import (
    EmbeddedSettings,
    TelemetrySettings,
    TelemetryStore,
    backup,
    influx_backup,
    open_store,
)
from telemetry.contract import DERIVED, RAW, FieldValue, Point, Row, Selection

TAGS = (("facility", "bv-a"), ("subject", "tank:bồn, số=1"))
ODD: dict[str, FieldValue] = {"dp_pa": 1.0, "seq": 2**62, "reason": 'a "b" \\ c\nd', "ok": True}


def points(first: int, count: int) -> list[Point]:
    numbers = range(first, first + count)
    return [Point(RAW, TAGS, 1_000_000 + n, {"dp_pa": n + 0.25, "seq": n}) for n in numbers]


async def stored(store: TelemetryStore, measurement: str = RAW) -> list[Row]:
    return [row async for row in store.rows(Selection(measurement, {}, 0, 10**13))]


async def exported(settings: TelemetrySettings) -> list[backup.Piece]:
    return [piece async for piece in backup.export(settings)]


async def handed(pieces: Sequence[backup.Piece]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece.data


async def test_every_store_comes_back_replaced_only_when_told(
    settings: TelemetrySettings, store: TelemetryStore
) -> None:
    await store.write([*points(0, 30), Point(RAW, TAGS, 5, ODD), Point(DERIVED, TAGS[:1], 6, {"x": 1})])
    before = await stored(store), await stored(store, DERIVED)
    pieces = await exported(settings)
    await store.write(points(100, 5))

    with pytest.raises(Rejected) as caught:
        await backup.restore(settings, handed(pieces), replace=False)
    with pytest.raises(Rejected) as full:
        await backup.check_target(settings, settings.kind)
    await store.close()
    await backup.restore(settings, handed(pieces), replace=True)

    again = open_store(settings)
    after = await stored(again), await stored(again, DERIVED)
    await again.write(points(200, 1))
    more = len(await stored(again))
    await again.close()
    assert (caught.value.code, full.value.code) == ("restore_not_empty", "restore_not_empty")
    assert after == before
    assert more == len(before[0]) + 1


async def test_a_backup_of_a_written_store_has_all_that_was_stored_before(
    settings: TelemetrySettings, store: TelemetryStore
) -> None:
    await store.write(points(0, 3000))
    stop, written = asyncio.Event(), 3000

    async def write_on() -> None:
        nonlocal written
        while not stop.is_set():
            await store.write(points(written, 10))
            written += 10

    writing = asyncio.create_task(write_on())
    while written == 3000:
        await asyncio.sleep(0.001)
    before = written
    pieces = await exported(settings)
    stop.set()
    await writing
    await store.close()
    await backup.restore(settings, handed(pieces), replace=True)

    again = open_store(settings)
    found = [row.fields["seq"] for row in await stored(again)]
    await again.close()
    assert before <= len(found) <= written
    assert found == list(range(len(found)))


def embedded(folder: Path) -> EmbeddedSettings:
    return EmbeddedSettings(path=folder / "t.sqlite")


async def test_an_embedded_store_that_was_never_made_has_an_empty_backup(tmp_path: Path) -> None:
    assert await exported(embedded(tmp_path)) == []
    await backup.restore(embedded(tmp_path), handed([]), replace=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["garbage", "foreign"])
async def test_a_damaged_file_never_takes_the_stores_place(tmp_path: Path, damage: str) -> None:
    if damage == "garbage":
        data = b"SQLite format 3\x00" + bytes(5000)
    else:
        file = sqlite3.connect(tmp_path / "foreign.sqlite")
        file.execute("CREATE TABLE other (x)")
        file.commit()
        file.close()
        data = (tmp_path / "foreign.sqlite").read_bytes()
    (tmp_path / "store").mkdir()
    settings = embedded(tmp_path / "store")
    settings.path.write_bytes(b"what was there")
    with pytest.raises(Rejected) as caught:
        await backup.restore(settings, handed([backup.Piece(0, data)]), replace=True)
    assert caught.value.code == "restore_inconsistent"
    assert settings.path.read_bytes() == b"what was there"
    assert [each.name for each in settings.path.parent.iterdir()] == ["t.sqlite"]


async def test_lines_are_written_again_until_influxdb_takes_them() -> None:
    class Moody:
        def __init__(self, failures: int) -> None:
            self.failures = failures
            self.taken: list[bytes] = []

        async def write(self, lines: bytes) -> None:
            if self.failures:
                self.failures -= 1
                raise Retryable("busy", code="telemetry_busy", reason="busy")
            self.taken.append(lines)

        async def close(self) -> None:
            raise AssertionError

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    writer = Moody(3)
    await influx_backup.write_patiently(writer, b"a", sleep)
    assert writer.taken == [b"a"]
    assert pauses == [0.5, 1.0, 2.0]
    with pytest.raises(Retryable):
        await influx_backup.write_patiently(Moody(99), b"a", sleep)
