"""What was found at the broker that is not as the registry has it: opened once, closed when it is gone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from records.database import Transaction
from records.enrolment import models
from records.enrolment.structs import Difference, OpenDifference


async def put_differences(
    tx: Transaction, found: Sequence[Difference], *, now_us: int
) -> tuple[list[Difference], list[OpenDifference]]:
    """Keep the outcome of one look; return what is new, and what is gone by now."""
    table = models.broker_difference
    before = {(each.kind, each.client): each for each in await differences(tx)}
    present = {(each.kind, each.client): each for each in found}
    new = [each for key, each in present.items() if key not in before]
    gone = [each for key, each in before.items() if key not in present]
    for each in new:
        values = {
            "kind": each.kind,
            "client": each.client,
            "detail": each.detail,
            "first_seen_us": now_us,
            "last_seen_us": now_us,
            "seen": 1,
        }
        await tx.execute(tx.insert(table).values(values))
    for key, known in before.items():
        if key in present:
            again = {"last_seen_us": now_us, "seen": table.c.seen + 1, "detail": present[key].detail}
        else:
            again = {"resolved_us": now_us}
        await tx.execute(update(table).where(table.c.id == known.id).values(again))
    return new, gone


async def differences(tx: Transaction, *, resolved_too: bool = False) -> list[OpenDifference]:
    """Return the differences that stand, oldest first; with `resolved_too` those of the past as well."""
    table = models.broker_difference
    query = select(table).order_by(table.c.id)
    if not resolved_too:
        query = query.where(table.c.resolved_us.is_(None))
    return [OpenDifference(**row) for row in await tx.rows(query)]
