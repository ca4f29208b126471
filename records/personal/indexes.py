"""Blind indexes: finding a person by an exact value that the database does not hold."""

from __future__ import annotations

from sqlalchemy import delete, select

from records.database import Transaction
from records.personal import sealing
from records.personal.models import INDEX_KINDS, person_index
from records.personal.services import ring
from records.refusals import check_one_of


async def put_index(tx: Transaction, person_id: int, kind: str, value: str | None) -> None:
    """Make a person findable by a normalised value; None ends that. Raises Rejected, Permanent.

    Normalise with `policy.identifiers`: only equal text is found.
    """
    check_one_of("kind", kind, INDEX_KINDS)
    mine = (person_index.c.person_id == person_id) & (person_index.c.kind == kind)
    await tx.execute(delete(person_index).where(mine))
    if value is not None:
        row = {"person_id": person_id, "kind": kind, "value": _blind(tx, kind, value)}
        await tx.execute(person_index.insert().values(row))


async def find(tx: Transaction, kind: str, value: str) -> list[int]:
    """Return the ids of living persons with this normalised value. Raises Rejected, Permanent."""
    check_one_of("kind", kind, INDEX_KINDS)
    same = (person_index.c.kind == kind) & (person_index.c.value == _blind(tx, kind, value))
    query = select(person_index.c.person_id).where(same).order_by(person_index.c.person_id)
    return [int(row["person_id"]) for row in await tx.rows(query)]


def _blind(tx: Transaction, kind: str, value: str) -> str:
    return sealing.blind(ring(tx).index_key(kind), value)
