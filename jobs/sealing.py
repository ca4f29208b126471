"""Seals the audit every second, and tells the head of its chain to people outside the system every day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from oxygen.errors import OxyWatchError
from oxygen.local_time import local_day
from records import audit, messages
from records.database import Database, Transaction
from records.messages import OutboxItem

Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]

_log = structlog.get_logger(__name__)


async def run(database: Database, every_s: float, *, clock: Clock, sleep: Sleep) -> None:
    """Seal until cancelled. What cannot be sealed now waits, and shows as `audit.overdue_tail`."""
    while True:
        try:
            await seal_pending(database, clock)
        except OxyWatchError as error:
            _log.warning("the audit was not sealed", problem=str(error))
        await sleep(every_s)


async def seal_pending(database: Database, clock: Clock) -> int:
    """Seal whatever is committed and waits; return how many blocks were made. Raises OxyWatchError."""
    async with database.read() as tx:
        if await audit.unsealed_tail(tx) is None:
            return 0
    blocks = 0
    while True:
        async with database.write() as tx:
            block = await audit.seal(tx, clock())
        blocks += block is not None
        if block is None or block.row_count < audit.ROWS_PER_BLOCK:
            return blocks


async def mail_head(tx: Transaction, now_us: int, addresses: Sequence[str], locale: str) -> int:
    """Queue the newest block's hash for each address, once a local day; return how many were queued."""
    head = await audit.newest_block(tx)
    if head is None:
        return 0
    params = {
        "block": head.id,
        "hash": head.hash,
        "sealed_us": head.sealed_us,
        "rows": await audit.sealed_rows(tx),
    }
    items = [
        OutboxItem(
            key=f"{audit.HEAD_TEMPLATE}-{local_day(now_us)}-{address}",
            channel="email",
            address=address,
            locale=locale,
            template=audit.HEAD_TEMPLATE,
            params=params,
            created_us=now_us,
        )
        for address in addresses
    ]
    return await messages.enqueue(tx, items)
