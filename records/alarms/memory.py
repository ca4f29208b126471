"""The evaluator's memory and cursors: what it needs to go on after a restart as if there had been none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from records.alarms import models
from records.alarms.structs import AlarmMemory
from records.database import Transaction


async def memories(tx: Transaction) -> list[AlarmMemory]:
    """Return every memory by subject and rule."""
    table = models.alarm_memory
    query = select(table).order_by(table.c.subject, table.c.rule)
    return [AlarmMemory(**row) for row in await tx.rows(query)]


async def put_memory(tx: Transaction, subject: str, rule: str, body: Any) -> None:
    """Store one memory; `body` is anything that msgspec writes as JSON."""
    await put_memories(tx, [AlarmMemory(subject, rule, body)])


async def put_memories(tx: Transaction, changed: Sequence[AlarmMemory]) -> None:
    """Store memories in place of the earlier ones."""
    if not changed:
        return
    statement = tx.insert(models.alarm_memory)
    upsert = statement.on_conflict_do_update(
        index_elements=["subject", "rule"], set_={"body": statement.excluded.body}
    )
    rows = [{"subject": memory.subject, "rule": memory.rule, "body": memory.body} for memory in changed]
    await tx.execute(upsert, sorted(rows, key=lambda row: (row["subject"], row["rule"])))


async def cursor(tx: Transaction, name: str) -> int:
    """Return where a reader stands: the last status id it has dealt with, 0 at first."""
    return int(await tx.scalar(select(models.cursor.c.value).where(models.cursor.c.name == name)) or 0)


async def put_cursor(tx: Transaction, name: str, value: int) -> None:
    """Move a reader's cursor; put it in the transaction that holds what the rows before it led to."""
    statement = tx.insert(models.cursor).values(name=name, value=value)
    moved = statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
    await tx.execute(moved)
