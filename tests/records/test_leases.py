"""Leases: one holder at a time, and whoever was replaced writes nothing any more."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from records import leases, registry, status, work
from records.database import Database, Transaction
from records.leases import Lease, LeaseLost
from tests.records import samples
from tests.records.conftest import OpenDatabase
from tests.records.lease_helpers import SECOND_US, StartProcess, line_of, surely, take


async def test_of_many_who_ask_at_once_one_gets_it(url: str, open_database: OpenDatabase) -> None:
    databases = [open_database(url) for _ in range(8)]
    got = await asyncio.gather(*(take(each, f"i{number}") for number, each in enumerate(databases)))

    assert sum(lease is not None for lease in got) == 1
    async with databases[0].read() as tx:
        (kept,) = await leases.leases(tx)
    assert kept in got


async def test_a_lease_belongs_to_its_shard_and_service(database: Database) -> None:
    await surely(take(database, "a"))
    await surely(take(database, "b", shard="ct"))
    async with database.write() as tx:
        other = await leases.acquire(tx, "hcm", "alerts", "b", for_us=SECOND_US)

    assert other is not None
    assert await take(database, "b") is None


async def test_every_grant_has_a_higher_token(database: Database) -> None:
    tokens = []
    for holder in ("a", "b", "b"):
        lease = await surely(take(database, holder))
        tokens.append(lease.token)
        async with database.write() as tx:
            assert await leases.release(tx, lease)

    assert tokens == sorted(set(tokens))


async def test_tokens_grow_also_over_a_restored_backup(database: Database) -> None:
    """The restored row knows an older token; gateways and readers remember the newer one."""
    before = await surely(take(database, "a"))
    async with database.write() as tx:
        await tx.execute(text("UPDATE lease SET token = 5, expires_us = 6, granted_us = 5"))

    assert (await surely(take(database, "b"))).token > before.token


async def test_a_lease_runs_out_by_the_clock_of_the_database(database: Database) -> None:
    await surely(take(database, "a", for_us=200_000))
    assert await take(database, "b") is None
    await asyncio.sleep(0.25)
    lease = await surely(take(database, "b"))

    assert lease.holder == "b"
    assert abs(lease.granted_us - time.time_ns() / 1000) < 5 * SECOND_US
    assert abs(lease.expires_us - lease.granted_us - 60 * SECOND_US) < 10_000


async def test_a_process_that_is_back_takes_its_own_lease_at_once(database: Database) -> None:
    first = await surely(take(database, "a"))
    assert await take(database, "a") is None
    again = await surely(take(database, "a", take_own=True))

    assert again.token > first.token
    with pytest.raises(LeaseLost):
        async with database.write() as tx:
            await leases.renew(tx, first, for_us=SECOND_US)


async def test_renewing_prolongs_and_keeps_the_token(database: Database) -> None:
    lease = await surely(take(database, "a", for_us=SECOND_US))
    async with database.write() as tx:
        longer = await leases.renew(tx, lease, for_us=60 * SECOND_US)

    assert longer.token == lease.token
    assert longer.expires_us > lease.expires_us + 50 * SECOND_US


async def test_shards_are_those_served_and_those_of_facilities(database: Database) -> None:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    await take(database, "a", shard="ct")
    async with database.write() as tx:
        await leases.acquire(tx, leases.EVERY_SHARD, "alerts", "a", for_us=1)
    async with database.read() as tx:
        assert await leases.shards(tx) == ["ct", "hcm"]


async def _append(tx: Transaction) -> None:
    await status.append_statuses(tx, "hcm", [samples.status(mass_kg=1.0)], late=False, written_us=1)


async def _ledger(tx: Transaction) -> None:
    await status.put_ledger(tx, status.EpochLedger("gw", "e", ((1, 9),), 1))


async def _checkpoint(tx: Transaction) -> None:
    await status.put_checkpoint(tx, status.Checkpoint("tank:cho-lon-1", 1, b"old"))


async def _finish(tx: Transaction) -> None:
    await work.finish_work(tx, 1, {"samples": 1}, now_us=30)


async def _claim(tx: Transaction) -> None:
    await work.claim_work(tx, "hcm", ["recompute"], "w", 20, 99)


WRITES = (_append, _ledger, _checkpoint, _finish, _claim)


@pytest.mark.parametrize("write", WRITES)
async def test_who_was_replaced_is_refused_whatever_it_writes(
    database: Database, write: Callable[[Transaction], Awaitable[None]]
) -> None:
    old = await surely(take(database, "a", for_us=1))
    async with database.write() as tx:
        await work.request_work(tx, "recompute", "hcm", {}, actor="lan", now_us=1)
    async with leases.fenced(database, old).write() as tx:
        await _claim(tx)
    await asyncio.sleep(0.01)
    new = await surely(take(database, "b"))
    async with leases.fenced(database, new).write() as tx:
        await _claim(tx)
    before = await everything(database)

    with pytest.raises(LeaseLost):
        async with leases.fenced(database, old).write() as tx:
            await write(tx)

    assert await everything(database) == before


async def everything(database: Database) -> list[object]:
    async with database.read() as tx:
        return [
            await status.statuses_after(tx, 0),
            await status.latest_statuses(tx),
            await status.ledgers(tx),
            await status.checkpoints(tx, "tank:cho-lon-1"),
            await work.work_item(tx, 1),
        ]


async def test_every_row_tells_the_token_it_was_written_under(database: Database) -> None:
    lease = await surely(take(database, "a"))
    async with database.write() as tx:
        await work.request_work(tx, "recompute", "hcm", {}, actor="lan", now_us=1)
    async with leases.fenced(database, lease).write() as tx:
        for write in (_append, _ledger, _checkpoint, _claim, _finish):
            await write(tx)
    async with database.read() as tx:
        (row,) = await status.statuses_after(tx, 0)
        (latest,) = await status.latest_statuses(tx)
        (ledger,) = await status.ledgers(tx)
        (checkpoint,) = await status.checkpoints(tx, "tank:cho-lon-1")
        item = await work.work_item(tx, 1)

    assert item is not None
    tokens = {each.lease_token for each in (row, latest, ledger, checkpoint, item)}
    assert tokens == {lease.token}


async def test_a_lease_that_ran_out_but_was_not_taken_may_still_write(database: Database) -> None:
    """Nobody else has written in between, so nothing can be overwritten."""
    lease = await surely(take(database, "a", for_us=1))
    await asyncio.sleep(0.01)
    async with leases.fenced(database, lease).write() as tx:
        await _append(tx)
    async with database.read() as tx:
        assert len(await status.statuses_after(tx, 0)) == 1


async def test_nobody_takes_over_between_the_check_and_the_commit(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    old = await surely(take(database, "a", for_us=1))
    await asyncio.sleep(0.01)
    async with leases.fenced(database, old).write() as tx:
        taking = asyncio.create_task(take(open_database(url), "b"))
        await asyncio.sleep(0.3)
        assert not taking.done()
        await _append(tx)
    new = await surely(taking)

    assert new.token > old.token
    async with database.read() as tx:
        (row,) = await status.statuses_after(tx, 0)
    assert row.lease_token == old.token


async def test_a_writer_that_was_paused_over_a_takeover_is_refused_when_it_goes_on(
    database: Database, start_process: StartProcess
) -> None:
    """SIGSTOP freezes it between two transactions; it wakes long after its lease has run out."""
    lasts_s = 1.0
    paused = await start_process("paused", "hold", str(lasts_s))
    took_s = await take_over_while_frozen(database, paused)

    assert await line_of(paused) == "refused"
    assert await asyncio.wait_for(paused.wait(), 20) == 0
    async with database.read() as tx:
        rows = await status.statuses_after(tx, 0, limit=1_000_000)
        latest = await status.latest_status(tx, "tank:cho-lon-1")
    assert rows[-1].status.mass_kg == -1.0
    assert latest is not None
    assert latest.status.mass_kg == -1.0
    assert [row.lease_token for row in rows] == sorted(row.lease_token for row in rows)
    assert took_s < 3 * lasts_s


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_writer_frozen_inside_its_transaction_holds_nobody_up(
    database: Database, start_process: StartProcess
) -> None:
    """PostgreSQL ends a transaction that stands idle; SQLite, for one machine alone, has to wait for it."""
    lasts_s = 1.0
    paused = await start_process("paused", "inside", str(lasts_s))
    took_s = await take_over_while_frozen(database, paused)

    assert await line_of(paused) == "cut off"
    assert await line_of(paused) == "refused"
    assert took_s < 3 * lasts_s
    async with database.read() as tx:
        masses = [row.status.mass_kg for row in await status.statuses_after(tx, 0)]
    assert masses == [1.0, -1.0]


async def take_over_while_frozen(database: Database, paused: asyncio.subprocess.Process) -> float:
    """Freeze it, take its lease, write, let it go on; return how long taking over took."""
    assert await line_of(paused) == "holding"
    os.kill(paused.pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    try:
        new = await surely(_until_taken(database, "other"))
        took_s = time.monotonic() - stopped_s
        async with leases.fenced(database, new).write() as tx:
            await status.append_statuses(tx, "hcm", [samples.status(mass_kg=-1.0)], late=False, written_us=1)
    finally:
        os.kill(paused.pid, signal.SIGCONT)
    return took_s


async def _until_taken(database: Database, holder: str) -> Lease | None:
    for _ in range(2000):
        lease = await take(database, holder)
        if lease is not None:
            return lease
        await asyncio.sleep(0.02)
    return None


async def test_three_processes_that_take_turns_lose_no_update(
    database: Database, start_process: StartProcess
) -> None:
    """Reading and writing are transactions apart, as in ingest; the lease alone keeps them together."""
    times = 40
    async with database.write() as tx:
        await work.request_work(tx, "recompute", "hcm", {}, actor="lan", now_us=1)
        await _claim(tx)
    counting = [await start_process(f"p{number}", "count", str(times)) for number in range(3)]
    assert [await asyncio.wait_for(each.wait(), 100) for each in counting] == [0, 0, 0]

    async with database.read() as tx:
        (ledger,) = await status.ledgers(tx)
        latest = await status.latest_status(tx, "tank:cho-lon-1")
        rows = await status.statuses_after(tx, 0, limit=10_000)
        item = await work.work_item(tx, 1)
    assert ledger.ranges == ((1, 3 * times),)
    assert latest is not None
    assert latest.status.mass_kg == 3 * times
    assert [row.status.mass_kg for row in rows] == [float(number) for number in range(1, 3 * times + 1)]
    assert item is not None
    assert item.progress == pytest.approx(0.001 * 3 * times)
