"""Status rows: what ingest worked out, in the order in which everybody else reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select

from oxygen.wire.payloads import Status
from records.database import Transaction
from records.status import models
from records.status.structs import StatusRow

_APPEND_LOCK = 0x0A9_57A7


async def append_statuses(
    tx: Transaction, shard: str, statuses: Sequence[Status], *, late: bool, written_us: int
) -> list[int]:
    """Add rows in the order given and return their ids, ascending; newest of each subject unless `late`.

    PostgreSQL hands out ids before commit: without a lock a row with a lower id could become visible after a
    reader's cursor has passed it, and would never be evaluated. Writers therefore take turns until commit.
    One lock for all shards, so that a cursor over every shard misses nothing either; keep the transaction
    short. SQLite has one writer at a time anyway.
    """
    if not statuses:
        return []
    if tx.on_postgresql:
        await tx.execute(select(func.pg_advisory_xact_lock(_APPEND_LOCK)))
    table = models.status
    rows = [
        {**_values(shard, status, late, written_us), "lease_token": tx.lease_token} for status in statuses
    ]
    statement = table.insert().returning(table.c.id, sort_by_parameter_order=True)
    ids = [int(number) for number in (await tx.execute(statement, rows)).scalars()]
    if not late:
        await _keep_latest(tx, shard, dict(zip(ids, statuses, strict=True)), written_us)
    return ids


async def statuses_after(
    tx: Transaction, cursor_id: int, limit: int = 500, shard: str | None = None
) -> list[StatusRow]:
    """Return up to `limit` rows with a higher id, ascending, late ones too; of one shard or all."""
    table = models.status
    query = select(table).where(table.c.id > cursor_id).order_by(table.c.id).limit(limit)
    if shard is not None:
        query = query.where(table.c.shard == shard)
    return [_status_row(row, row["id"], row["late"]) for row in await tx.rows(query)]


async def newest_status_id(tx: Transaction) -> int:
    """Return the highest id so far, or 0: where a reader starts that wants only what is to come."""
    return int(await tx.scalar(select(func.max(models.status.c.id))) or 0)


async def latest_statuses(
    tx: Transaction, facility: str | None = None, *, within: ColumnElement[bool] | None = None
) -> list[StatusRow]:
    """Return the newest row of every subject that ever had one (late ones aside), by subject.

    `within` is a condition of `records.permission`.
    """
    table = models.status_latest
    query = select(table).order_by(table.c.subject)
    if facility is not None:
        query = query.where(table.c.facility == facility)
    if within is not None:
        query = query.where(within)
    return [_status_row(row, row["status_id"], late=False) for row in await tx.rows(query)]


async def latest_status(tx: Transaction, subject: str) -> StatusRow | None:
    """Return a subject's newest row, or None when there never was one."""
    row = await tx.row(select(models.status_latest).where(models.status_latest.c.subject == subject))
    return None if row is None else _status_row(row, row["status_id"], late=False)


async def prune_statuses(tx: Transaction, before_us: int) -> int:
    """Delete rows written before an instant and return how many; each subject's latest stays readable."""
    table = models.status
    return (await tx.execute(delete(table).where(table.c.written_us < before_us))).rowcount


async def _keep_latest(tx: Transaction, shard: str, statuses: dict[int, Status], written_us: int) -> None:
    newest = {status.subject: (number, status) for number, status in statuses.items()}
    rows = [
        {
            "subject": subject,
            "facility": status.facility,
            "shard": shard,
            "status_id": number,
            "written_us": written_us,
            "body": status,
            "lease_token": tx.lease_token,
        }
        for subject, (number, status) in sorted(newest.items())
    ]
    statement = tx.insert(models.status_latest)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "subject"}
    await tx.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=replaced), rows)


def _values(shard: str, status: Status, late: bool, written_us: int) -> dict[str, Any]:
    return {
        "shard": shard,
        "subject": status.subject,
        "facility": status.facility,
        "late": late,
        "written_us": written_us,
        "as_of_us": status.as_of_us,
        "band": status.band,
        "state": status.state,
        "quality": status.quality.value,
        "body": status,
    }


def _status_row(row: Any, number: int, late: bool) -> StatusRow:
    return StatusRow(
        id=number,
        shard=row["shard"],
        late=late,
        written_us=row["written_us"],
        status=row["body"],
        lease_token=row["lease_token"],
    )
