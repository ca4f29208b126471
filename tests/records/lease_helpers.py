"""What tests of leases share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from records import leases
from records.database import Database
from records.leases import Lease

SECOND_US = 1_000_000
StartProcess = Callable[..., Awaitable[asyncio.subprocess.Process]]


async def line_of(process: asyncio.subprocess.Process, within_s: float = 20) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), within_s)
    return line.decode().strip()


async def take(
    database: Database,
    holder: str,
    *,
    for_us: int = 60 * SECOND_US,
    take_own: bool = False,
    shard: str = "hcm",
) -> Lease | None:
    async with database.write() as tx:
        return await leases.acquire(tx, shard, "ingest", holder, for_us=for_us, take_own=take_own)


async def surely(taking: Awaitable[Lease | None]) -> Lease:
    lease = await taking
    assert lease is not None
    return lease
