"""Who did what, to what, when and from where: written in the same transaction as the change it tells of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec
from sqlalchemy import RowMapping, insert, select

from records.audit.models import audit
from records.database import Transaction

SYSTEM = "system"
"""Actor of changes that no person asked for."""

_address: ContextVar[str | None] = ContextVar("address", default=None)


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry of the audit; it holds codes and values, never text for people.

    Attributes:
        at_us: When, µs since 1970 UTC.
        actor: Username, or SYSTEM.
        action: Code, as `alarm.acknowledge`.
        subject: What it was done to, as `alarm:7`.
        detail: Whatever else explains it.
        address: Where the actor sat: an IP address, or the name of a console; None when nobody asked.
        before, after: The values that the change replaced, and the new ones; None when nothing was changed.
        reason: Why, in the actor's own words or as a code; None when none was asked for.
    """

    id: int
    at_us: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    address: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None


@contextlib.contextmanager
def acting_from(address: str | None) -> Iterator[None]:
    """Have every entry that the block's task records carry this address, unless it names another."""
    earlier = _address.set(address)
    try:
        yield
    finally:
        _address.reset(earlier)


async def record(
    tx: Transaction,
    *,
    at_us: int,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    address: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Add an entry; see AuditEntry. `address` is that of `acting_from` when none is given."""
    values = {
        "at_us": at_us,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail or {}),
        "address": _address.get() if address is None else address,
        "before": None if before is None else dict(before),
        "after": None if after is None else dict(after),
        "reason": reason,
    }
    await tx.execute(insert(audit).values(values))


async def entries(
    tx: Transaction,
    *,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """Return entries, newest first; `before_id` pages on from the last one seen."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    wanted = ((audit.c.subject, subject), (audit.c.actor, actor), (audit.c.action, action))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    return [entry_of(row) for row in await tx.rows(query)]


def entry_of(row: RowMapping) -> AuditEntry:
    """Return a row of the table `audit` as an entry."""
    return AuditEntry(**row)
