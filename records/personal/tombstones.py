"""Who was erased, so that an erasure outlives a restored backup.

A backup holds the wrapped keys of its own day. After restoring it, the erasures made since have to be done
again; their list is kept outside the database, and holds no personal data.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from records.database import Transaction
from records.personal.models import person
from records.personal.services import erase


class Tombstone(msgspec.Struct, frozen=True):
    """An erased person."""

    person_id: int
    kind: str
    subject: str
    created_us: int
    erased_us: int
    reason: str


async def tombstones(tx: Transaction, *, since_us: int = 0) -> list[Tombstone]:
    """Return who was erased since an instant, earliest first."""
    query = select(person).where(person.c.erased_us >= since_us).order_by(person.c.erased_us, person.c.id)
    return [
        Tombstone(
            row["id"], row["kind"], row["subject"], row["created_us"], row["erased_us"], row["erased_reason"]
        )
        for row in await tx.rows(query)
    ]


async def erase_again(tx: Transaction, erased: list[Tombstone], *, actor: str, now_us: int) -> int:
    """Erase whoever a restored database still holds of a list, and return how many those were.

    A person is the same one only with the same id, kind, subject and time of creation.
    """
    count = 0
    for stone in erased:
        row = await tx.row(select(person).where(person.c.id == stone.person_id, person.c.erased_us.is_(None)))
        if row is None or (row["kind"], row["subject"], row["created_us"]) != (
            stone.kind,
            stone.subject,
            stone.created_us,
        ):
            continue
        await erase(tx, stone.person_id, actor=actor, reason=stone.reason, now_us=now_us)
        count += 1
    return count
