"""Who did what, to what, when: written in the same transaction as the change it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import insert, select

from records.audit.models import audit
from records.database import Transaction

SYSTEM = "system"
"""Actor of changes that no person asked for."""


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry of the audit; `detail` holds codes and values, never text for people."""

    id: int
    at_us: int
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


async def record(
    tx: Transaction,
    *,
    at_us: int,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry. `action` is a code such as `alarm.acknowledge`; `subject` what it was done to."""
    values = {
        "at_us": at_us,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail or {}),
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
    return [AuditEntry(**row) for row in await tx.rows(query)]
