"""A process that serves a shard; run by tests.

lease_process.py URL NAME hold LASTS_S        take the lease, write, say so, then write as long as it may
lease_process.py URL NAME inside LASTS_S      as hold, but it says so inside a transaction, after the check
lease_process.py URL NAME serve LASTS_S       serve as programs do
lease_process.py URL NAME count TIMES         add 1 to every kind of row TIMES, each time under a new lease
"""

from __future__ import annotations

import asyncio
import sys
import time

import structlog

from oxygen.errors import Retryable
from records import leases, status, work
from records.database import Database, Transaction
from records.engines import Waits
from records.leases import Claim, Lease, LeaseSettings, Time
from tests.records import samples

SHARD, SERVICE = "hcm", "ingest"
PAUSE_HERE_S = 0.3


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def hold(database: Database, name: str, lasts_s: float, *, inside: bool = False) -> None:
    """Write without asking the clock: only the fence keeps a paused writer out."""
    async with database.write() as tx:
        lease = await leases.acquire(tx, SHARD, SERVICE, name, for_us=round(lasts_s * 1e6))
    assert lease is not None
    mine = leases.fenced(database, lease)
    mass_kg = 0.0
    try:
        while True:
            mass_kg += 1
            async with mine.write() as tx:
                if inside and mass_kg == 2:
                    say("holding")
                    await asyncio.sleep(PAUSE_HERE_S)
                row = samples.status(mass_kg=mass_kg)
                await status.append_statuses(tx, SHARD, [row], late=False, written_us=time.time_ns() // 1000)
            if mass_kg == 1 and not inside:
                say("holding")
                await asyncio.sleep(PAUSE_HERE_S)
    except leases.LeaseLost:
        say("refused")
    except Retryable:
        say("cut off")
        await hold_again(mine)


async def hold_again(mine: Database) -> None:
    """Try once more, as desks do after a fault of the records."""
    try:
        async with mine.write() as tx:
            await status.append_statuses(tx, SHARD, [samples.status()], late=False, written_us=1)
    except leases.LeaseLost:
        say("refused")


async def count(database: Database, name: str, times: int) -> None:
    """Read, add one, write: an update is lost as soon as two do it at once."""
    done = 0
    while done < times:
        try:
            async with database.write() as tx:
                lease = await leases.acquire(tx, SHARD, SERVICE, name, for_us=30_000_000)
            if lease is None:
                await asyncio.sleep(0.002)
                continue
            await add_one(database, lease)
            done += 1
            async with database.write() as tx:
                await leases.release(tx, lease)
        except Retryable:
            continue


async def add_one(database: Database, lease: Lease) -> None:
    """Read in one transaction and write in another, as ingest does: nothing but the lease lies between."""
    async with database.read() as tx:
        kept = await status.ledgers(tx, ["gw"])
        latest = await status.latest_status(tx, "tank:cho-lon-1")
        item = await work.work_item(tx, 1)
    last = kept[0].ranges[0][1] if kept else 0
    mass_kg = (latest.status.mass_kg or 0.0) if latest else 0.0
    assert item is not None
    async with leases.fenced(database, lease).write() as tx:
        await status.put_ledger(tx, status.EpochLedger("gw", "e", ((1, last + 1),), 1))
        row = samples.status(mass_kg=mass_kg + 1)
        await status.append_statuses(tx, SHARD, [row], late=False, written_us=1)
        await put_progress(tx, item.progress + 0.001)


async def put_progress(tx: Transaction, progress: float) -> None:
    await work.report_work(tx, 1, progress, "", now_us=1)


async def serve(database: Database, name: str, lasts_s: float) -> None:
    """Serve as programs do: say when a turn begins and when it ends."""
    settings = LeaseSettings(
        lasts_s=lasts_s, renew_every_s=lasts_s / 5, stop_before_s=lasts_s / 4, try_every_s=lasts_s / 20
    )

    async def serving(lease: Lease, stop: asyncio.Event) -> None:
        say(f"began {lease.token}")
        try:
            await stop.wait()
        finally:
            say("ended")

    await leases.work_while_held(
        database,
        Claim(SHARD, SERVICE, name),
        settings,
        serving,
        stop=asyncio.Event(),
        time=Time(time.monotonic, asyncio.sleep),
    )


async def _main(url: str, name: str, what: str, argument: str) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    database = Database(url, Waits(idle_s=0.5))
    if what == "count":
        await count(database, name, int(argument))
    elif what == "serve":
        await serve(database, name, float(argument))
    else:
        await hold(database, name, float(argument), inside=what == "inside")
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
