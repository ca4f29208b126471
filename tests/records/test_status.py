"""Status rows: every reader sees every row once, in order, and absent stays absent."""

from __future__ import annotations

import asyncio
from itertools import chain

from oxygen.reading import Quality, Reason
from oxygen.wire.payloads import Status
from records import status
from records.database import Database
from tests.records import samples
from tests.records.conftest import OpenDatabase

NEVER_READ = Status(
    v=1,
    subject="tank:can-gio-1",
    facility="bv-can-gio",
    as_of_us=None,
    evaluated_us=9,
    source="aged",
    quality=Quality.BAD,
    reason=Reason.NEVER_READ,
    state="never_read",
    band="unknown",
)


async def test_rows_come_back_as_written_in_order_of_their_ids(database: Database) -> None:
    written = [samples.status(f"tank:t-{number}", mass_kg=100.5 + number) for number in range(5)]
    async with database.write() as tx:
        ids = await status.append_statuses(tx, "hcm", written, late=False, written_us=77)

    async with database.read() as tx:
        first = await status.statuses_after(tx, 0, 3)
        rest = await status.statuses_after(tx, first[-1].id, 100)
        newest = await status.newest_status_id(tx)
    assert [row.status for row in first + rest] == written
    assert [row.id for row in first + rest] == ids == sorted(set(ids))
    assert {(row.shard, row.late, row.written_us) for row in first} == {("hcm", False, 77)}
    assert newest == ids[-1]


async def test_what_was_never_read_stays_absent_and_is_not_zero(database: Database) -> None:
    async with database.write() as tx:
        await status.append_statuses(tx, "hcm", [NEVER_READ], late=False, written_us=9)
        row = await status.latest_status(tx, NEVER_READ.subject)

    assert row is not None
    assert row.status == NEVER_READ
    assert (row.status.as_of_us, row.status.mass_kg, row.status.fill_percent) == (None, None, None)


async def test_late_rows_are_read_in_order_but_are_never_the_latest(database: Database) -> None:
    now, earlier = samples.status(mass_kg=8000.0), samples.status(mass_kg=9000.0, as_of_us=1)
    async with database.write() as tx:
        await status.append_statuses(tx, "hcm", [now], late=False, written_us=10)
        await status.append_statuses(tx, "hcm", [earlier], late=True, written_us=11)
        latest = await status.latest_statuses(tx)
        rows = await status.statuses_after(tx, 0)

    assert [row.status for row in latest] == [now]
    assert [row.late for row in rows] == [False, True]


async def test_the_last_row_of_a_subject_in_one_call_is_its_latest(database: Database) -> None:
    rows = [samples.status(mass_kg=mass) for mass in (3.0, 2.0, 1.0)]
    async with database.write() as tx:
        ids = await status.append_statuses(tx, "hcm", rows, late=False, written_us=10)
        latest = await status.latest_status(tx, "tank:cho-lon-1")

    assert latest is not None
    assert (latest.id, latest.status.mass_kg) == (ids[-1], 1.0)


async def test_shards_and_facilities_can_be_read_alone(database: Database) -> None:
    async with database.write() as tx:
        await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=1)
        await status.append_statuses(tx, "ct", [NEVER_READ], late=False, written_us=1)
        shard = await status.statuses_after(tx, 0, 10, "ct")
        facility = await status.latest_statuses(tx, "bv-cho-lon")

    assert [row.status.subject for row in shard] == ["tank:can-gio-1"]
    assert [row.status.subject for row in facility] == ["tank:cho-lon-1"]


async def test_pruning_keeps_the_latest_and_ids_are_never_used_again(database: Database) -> None:
    async with database.write() as tx:
        (old,) = await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=1)
        assert await status.prune_statuses(tx, 2) == 1
        assert await status.latest_status(tx, "tank:cho-lon-1") is not None
        (new,) = await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=3)

    assert new > old


async def test_a_cursor_misses_no_row_while_many_writers_commit_at_different_speeds(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    """Without turns a row could become visible below a cursor that has passed it."""
    writers = [open_database(url) for _ in range(4)]
    running = True

    async def write(number: int) -> list[int]:
        ids = []
        for step in range(25):
            async with writers[number].write() as tx:
                some = [samples.status(f"tank:t-{number}")] * (1 + step % 3)
                ids += await status.append_statuses(tx, f"s-{number}", some, late=False, written_us=step)
                await asyncio.sleep(0.003 * (number + step) % 0.01)
        return ids

    async def follow() -> list[int]:
        seen: list[int] = []
        while True:
            last_round = not running
            async with database.read() as tx:
                seen += [row.id for row in await status.statuses_after(tx, seen[-1] if seen else 0, 1000)]
            if last_round:
                return seen
            await asyncio.sleep(0.001)

    follower = asyncio.create_task(follow())
    written = await asyncio.gather(*(write(number) for number in range(4)))
    running = False

    assert await follower == sorted(chain.from_iterable(written))
