"""Leases: who may serve a shard, for how long, and with which token.

Only the database's own clock counts. A token grows with every new grant, and every write of a holder carries
it: whoever was asleep when somebody else took over is refused, however late it wakes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, cast, func, literal, literal_column, select, update

from records.database import Database, Transaction
from records.leases import models
from records.registry.models import facility

EVERY_SHARD = "*"
"""Stands for the shard in the lease of a service that serves all of them at once."""


class LeaseLost(Exception):
    """Somebody else holds the shard, or may by now: stop serving it and forget what is in memory.

    None of the three errors that callers retry on, so that no loop tries such a write again.
    """


class Lease(msgspec.Struct, frozen=True):
    """A grant.

    Attributes:
        shard, service: What is served, by which kind of program.
        holder: Name of the process.
        token: Higher than that of every earlier grant, also over a restored backup: it follows the clock.
        granted_us, expires_us: By the database's clock.
    """

    shard: str
    service: str
    holder: str
    token: int
    granted_us: int
    expires_us: int


async def shards(tx: Transaction) -> list[str]:
    """Return the code of every shard that was ever served or that a facility belongs to."""
    known = select(models.shard.c.code).union(select(facility.c.shard))
    return sorted(row["code"] for row in await tx.rows(known))


async def acquire(
    tx: Transaction, shard: str, service: str, holder: str, *, for_us: int, take_own: bool = False
) -> Lease | None:
    """Take a lease that nobody holds any more; None while somebody does.

    Args:
        shard, service: What to serve.
        holder: Unique among processes that run at the same time.
        for_us: How long it is to last.
        take_own: Also take over a lease of the same holder that has not run out, with a new token: for a
            process that was killed and is back.
    """
    table = models.lease
    if shard != EVERY_SHARD:
        await tx.execute(tx.insert(models.shard).values(code=shard).on_conflict_do_nothing())
    now = _now(tx)
    free = table.c.expires_us <= now
    if take_own:
        free |= table.c.holder == holder
    # The clock lifts the token above whatever was granted before a backup was restored.
    higher: ColumnElement[Any] = func.greatest(table.c.token + 1, now)
    if not tx.on_postgresql:
        higher = func.max(table.c.token + 1, now)
    values = {
        "shard": shard,
        "service": service,
        "holder": holder,
        "token": now,
        "granted_us": now,
        "expires_us": now + for_us,
    }
    granted = {"holder": holder, "token": higher, "granted_us": now, "expires_us": now + for_us}
    statement = tx.insert(table).values(values)
    upsert = statement.on_conflict_do_update(
        index_elements=["shard", "service"], set_=granted, where=free
    ).returning(table)
    row = await tx.row(upsert)
    return None if row is None else Lease(**row)


async def renew(tx: Transaction, lease: Lease, *, for_us: int) -> Lease:
    """Prolong a lease from now on and return it. Raises LeaseLost when somebody took it meanwhile."""
    table = models.lease
    longer = update(table).where(_same(lease)).values(expires_us=_now(tx) + for_us).returning(table)
    row = await tx.row(longer)
    if row is None:
        raise _lost(lease)
    return Lease(**row)


async def release(tx: Transaction, lease: Lease) -> bool:
    """Let a lease end now; False when it had been lost. Its token is never given out again."""
    table = models.lease
    ended = update(table).where(_same(lease)).values(expires_us=_now(tx))
    return (await tx.execute(ended)).rowcount == 1


async def leases(tx: Transaction) -> list[Lease]:
    """Return every lease, also those that ran out, by service and shard."""
    table = models.lease
    rows = await tx.rows(select(table).order_by(table.c.service, table.c.shard))
    return [Lease(**row) for row in rows]


async def check(tx: Transaction, lease: Lease) -> None:
    """Make sure that nobody took the lease before this transaction commits. Raises LeaseLost.

    The row stays locked against a new grant until then; writers of one holder do not wait for each other.
    """
    held = select(models.lease.c.token).where(_same(lease)).with_for_update(read=True)
    if await tx.scalar(held) is None:
        raise _lost(lease)


def fenced(database: Database, lease: Lease) -> Database:
    """Return the same database, whose every writing unit of work starts with `check` and bears the token."""

    async def guard(tx: Transaction) -> None:
        await check(tx, lease)

    return database.guarded(guard, lease.token)


def _same(lease: Lease) -> ColumnElement[bool]:
    table = models.lease.c
    return (table.shard == lease.shard) & (table.service == lease.service) & (table.token == lease.token)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"the lease of {lease.service} on shard {lease.shard} is lost")


def _now(tx: Transaction) -> ColumnElement[int]:
    """Return the database's clock in µs: of the statement, not of the transaction's beginning."""
    if tx.on_postgresql:
        seconds = func.extract("epoch", func.clock_timestamp())
        return cast(seconds * literal(1_000_000), BigInteger)
    # julianday is exact to the millisecond only when its fraction is rounded.
    days: ColumnElement[Any] = func.julianday(literal_column("'now'")) - literal(2440587.5)
    return cast(func.round(days * literal(86_400_000)), BigInteger) * literal(1000)
