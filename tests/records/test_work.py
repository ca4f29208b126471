"""Work rows: asked for once, taken once, finished by whoever holds them."""

from __future__ import annotations

import asyncio
from itertools import chain

import pytest

from oxygen.errors import Rejected
from records import audit, work
from records.database import Database, Transaction
from tests.records.conftest import OpenDatabase


async def ask(tx: Transaction, *, key: str | None = None, shard: str = "hcm", kind: str = "recompute") -> int:
    return await work.request_work(tx, kind, shard, {"subject": "tank:a"}, key=key, actor="lan", now_us=10)


async def claim(
    tx: Transaction, worker: str = "w1", now_us: int = 20, before_us: int = 0
) -> work.Work | None:
    return await work.claim_work(tx, "hcm", ["recompute"], worker, now_us, before_us)


async def test_the_same_key_is_one_request(database: Database) -> None:
    async with database.write() as tx:
        first, again, other = await ask(tx, key="k"), await ask(tx, key="k"), await ask(tx)
        entries = await audit.entries(tx, action="work.request")

    assert first == again != other
    assert len(entries) == 2


async def test_work_goes_oldest_first_to_its_shard_and_kind_only(database: Database) -> None:
    async with database.write() as tx:
        await ask(tx, shard="ct")
        await ask(tx, kind="range_request")
        first, second = await ask(tx), await ask(tx)
        claimed = [await claim(tx) for _ in range(3)]

    assert [item.id if item else None for item in claimed] == [first, second, None]
    assert claimed[0] is not None
    assert (claimed[0].state, claimed[0].claimed_by, claimed[0].params) == (
        "running",
        "w1",
        {"subject": "tank:a"},
    )


async def test_claimers_racing_for_the_same_rows_get_disjoint_work(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    async with database.write() as tx:
        asked = [await ask(tx) for _ in range(40)]
    workers = [open_database(url) for _ in range(4)]

    async def drain(number: int) -> list[int]:
        taken: list[int] = []
        while True:
            async with workers[number].write() as tx:
                item = await claim(tx, f"w{number}")
            if item is None:
                return taken
            taken.append(item.id)

    taken = await asyncio.gather(*(drain(number) for number in range(4)))
    assert sorted(chain.from_iterable(taken)) == asked


async def test_a_result_stands_and_progress_is_told(database: Database) -> None:
    async with database.write() as tx:
        number = await ask(tx)
        await claim(tx)
        await work.report_work(tx, number, 0.5, "replaying", now_us=30, worker="w1")
        half = await work.work_item(tx, number)
        await work.finish_work(tx, number, {"samples": 5}, now_us=40, worker="w1")
        done = await work.work_item(tx, number)

    assert half is not None
    assert (half.progress, half.note, half.updated_us, half.result) == (0.5, "replaying", 30, None)
    assert done is not None
    assert (done.state, done.progress, done.result) == ("done", 1.0, {"samples": 5})


async def test_abandoned_work_is_taken_over_and_the_old_worker_is_told_to_stop(database: Database) -> None:
    async with database.write() as tx:
        number = await ask(tx)
        await claim(tx, "w1", now_us=20)
        assert await claim(tx, "w2", now_us=50, before_us=20) is None
        taken = await claim(tx, "w2", now_us=50, before_us=21)
    assert taken is not None
    assert (taken.id, taken.claimed_by) == (number, "w2")

    for lost in (_report, _finish, _fail):
        with pytest.raises(Rejected, match="meanwhile"):
            async with database.write() as tx:
                await lost(tx, number)


async def _report(tx: Transaction, number: int) -> None:
    await work.report_work(tx, number, 0.9, "", now_us=60, worker="w1")


async def _finish(tx: Transaction, number: int) -> None:
    await work.finish_work(tx, number, {}, now_us=60, worker="w1")


async def _fail(tx: Transaction, number: int) -> None:
    await work.fail_work(tx, number, "broken", now_us=60, worker="w1")


async def test_failed_work_is_not_taken_again(database: Database) -> None:
    async with database.write() as tx:
        number = await ask(tx)
        await claim(tx)
        await work.fail_work(tx, number, "unknown_subject", now_us=30)
        assert await claim(tx, "w2", now_us=99, before_us=99) is None
        item = await work.work_item(tx, number)

    assert item is not None
    assert (item.state, item.note) == ("failed", "unknown_subject")
