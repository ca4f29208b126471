"""Finding entries of the audit, page by page or all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from sqlalchemy import ColumnElement, Text, func, or_, select, type_coerce

from records.audit.models import audit
from records.audit.services import AuditEntry, entry_of
from records.database import Transaction

MOST_ON_A_PAGE = 500
_EXPORTED_AT_A_TIME = 1000
_SEARCHED = ("actor", "action", "subject", "detail", "address", "before", "after", "reason")


class Filter(msgspec.Struct, frozen=True):
    """Which entries are wanted; None and an empty text restrict nothing.

    Attributes:
        actor, subject: Exactly this.
        action: Exactly this code, or a group of codes that ends with a point, as `alarm.`.
        since_us, until_us: [since, until).
        text: Words that stand in any part of the entry, in either case.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    text: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Entries, newest first. `next_before_id` fetches the following page; None at the end."""

    entries: list[AuditEntry]
    next_before_id: int | None


async def search(tx: Transaction, wanted: Filter, *, before_id: int | None = None, limit: int = 100) -> Page:
    """Return a page of entries; entries that are added meanwhile shift nothing."""
    size = max(1, min(limit, MOST_ON_A_PAGE))
    query = select(audit).where(*_conditions(wanted)).order_by(audit.c.id.desc()).limit(size + 1)
    if before_id is not None:
        query = query.where(audit.c.id < before_id)
    found = [entry_of(row) for row in await tx.rows(query)]
    return Page(found[:size], found[size - 1].id if len(found) > size else None)


async def count(tx: Transaction, wanted: Filter) -> int:
    """Return how many entries there are."""
    return int(await tx.scalar(select(func.count()).select_from(audit).where(*_conditions(wanted))))


async def export(tx: Transaction, wanted: Filter) -> AsyncIterator[AuditEntry]:
    """Yield every entry, oldest first, in bounded memory."""
    last_id = 0
    while True:
        query = select(audit).where(audit.c.id > last_id, *_conditions(wanted))
        found = await tx.rows(query.order_by(audit.c.id).limit(_EXPORTED_AT_A_TIME))
        for row in found:
            yield entry_of(row)
        if len(found) < _EXPORTED_AT_A_TIME:
            return
        last_id = found[-1]["id"]


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor:
        conditions.append(audit.c.actor == wanted.actor)
    if wanted.subject:
        conditions.append(audit.c.subject == wanted.subject)
    if wanted.action:
        is_group = wanted.action.endswith(".")
        same = audit.c.action.startswith(wanted.action, autoescape=True)
        conditions.append(same if is_group else audit.c.action == wanted.action)
    if wanted.since_us is not None:
        conditions.append(audit.c.at_us >= wanted.since_us)
    if wanted.until_us is not None:
        conditions.append(audit.c.at_us < wanted.until_us)
    if wanted.text:
        columns = (type_coerce(audit.c[name], Text) for name in _SEARCHED)
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return conditions
