"""What arrived of every gateway: held ranges, dead letters, declared gaps, and the engine's checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update

from records.database import Transaction
from records.status import models
from records.status.structs import Checkpoint, DeadLetter, DeclaredGap, EpochLedger

BODY_LIMIT = 16_384
"""Characters of a dead letter's body that are kept."""


async def ledgers(tx: Transaction, gateways: Sequence[str] | None = None) -> list[EpochLedger]:
    """Return the ledger of every epoch of the named gateways, or of all."""
    table = models.epoch_ledger
    query = select(table).order_by(table.c.gateway, table.c.epoch)
    if gateways is not None:
        query = query.where(table.c.gateway.in_(gateways))
    return [EpochLedger(**row) for row in await tx.rows(query)]


async def put_ledger(tx: Transaction, ledger: EpochLedger) -> None:
    """Store an epoch's ranges in place of the earlier ones."""
    values = {**msgspec.structs.asdict(ledger), "lease_token": tx.lease_token}
    statement = tx.insert(models.epoch_ledger).values(values)
    replaced = {name: statement.excluded[name] for name in ("ranges", "last_us", "lease_token")}
    await tx.execute(statement.on_conflict_do_update(index_elements=["gateway", "epoch"], set_=replaced))


async def add_dead_letters(tx: Transaction, letters: Sequence[DeadLetter]) -> int:
    """Keep letters and return how many were new; the same run with the same reason is kept once.

    A letter without a run (a message that could not be read) is always new: nothing tells two apart.
    """
    rows = [
        msgspec.structs.asdict(msgspec.structs.replace(letter, body=_storable(letter.body)))
        for letter in letters
    ]
    for row in rows:
        del row["id"]
    return await _add_once(tx, models.dead_letter, rows)


async def dead_letters(
    tx: Transaction,
    *,
    gateway: str | None = None,
    unresolved_only: bool = False,
    before_id: int | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """Return letters, newest first; `before_id` pages on."""
    table = models.dead_letter
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if gateway is not None:
        query = query.where(table.c.gateway == gateway)
    if unresolved_only:
        query = query.where(table.c.resolved_us.is_(None))
    if before_id is not None:
        query = query.where(table.c.id < before_id)
    return [DeadLetter(**row) for row in await tx.rows(query)]


async def resolve_dead_letters(tx: Transaction, ids: Sequence[int], now_us: int) -> int:
    """Mark letters as dealt with and return how many were still open."""
    table = models.dead_letter
    open_ones = table.c.id.in_(ids) & table.c.resolved_us.is_(None)
    return (await tx.execute(update(table).where(open_ones).values(resolved_us=now_us))).rowcount


async def add_gaps(tx: Transaction, declared: Sequence[DeclaredGap]) -> int:
    """Keep declared gaps and return how many were new."""
    return await _add_once(tx, models.declared_gap, [msgspec.structs.asdict(gap) for gap in declared])


async def gaps(tx: Transaction, gateway: str | None = None) -> list[DeclaredGap]:
    """Return declared gaps by gateway, epoch and first number."""
    table = models.declared_gap
    query = select(table).order_by(table.c.gateway, table.c.epoch, table.c.first_seq)
    if gateway is not None:
        query = query.where(table.c.gateway == gateway)
    rows = [dict(row) for row in await tx.rows(query)]
    return [DeclaredGap(**{name: row[name] for name in DeclaredGap.__struct_fields__}) for row in rows]


async def put_checkpoint(tx: Transaction, checkpoint: Checkpoint) -> None:
    """Store a checkpoint in place of the one at the same instant."""
    await put_checkpoints(tx, [checkpoint])


async def put_checkpoints(tx: Transaction, several: Sequence[Checkpoint]) -> None:
    """Keep several states in one statement; as `put_checkpoint`."""
    if not several:
        return
    statement = tx.insert(models.engine_checkpoint)
    merged = statement.on_conflict_do_update(
        index_elements=["subject", "at_us"],
        set_={"body": statement.excluded.body, "lease_token": statement.excluded.lease_token},
    )
    rows = [{**msgspec.structs.asdict(checkpoint), "lease_token": tx.lease_token} for checkpoint in several]
    await tx.execute(merged, rows)


async def checkpoints(
    tx: Transaction, subject: str, *, before_us: int | None = None, limit: int | None = None
) -> list[Checkpoint]:
    """Return a subject's checkpoints, newest first; with `before_us` those at earlier instants only."""
    table = models.engine_checkpoint
    query = select(table).where(table.c.subject == subject).order_by(table.c.at_us.desc())
    if before_us is not None:
        query = query.where(table.c.at_us < before_us)
    return [Checkpoint(**row) for row in await tx.rows(query.limit(limit))]


async def latest_checkpoint(
    tx: Transaction, subject: str, *, before_us: int | None = None
) -> Checkpoint | None:
    """Return a subject's newest checkpoint, or the newest before an instant; None when there is none."""
    found = await checkpoints(tx, subject, before_us=before_us, limit=1)
    return found[0] if found else None


async def latest_checkpoints(tx: Transaction) -> dict[str, Checkpoint]:
    """Return the newest checkpoint of every subject: where an engine starts."""
    table = models.engine_checkpoint
    newest = (
        select(table.c.subject, func.max(table.c.at_us).label("at_us")).group_by(table.c.subject).subquery()
    )
    same = (table.c.subject == newest.c.subject) & (table.c.at_us == newest.c.at_us)
    rows = await tx.rows(select(table).join(newest, same))
    return {row["subject"]: Checkpoint(**row) for row in rows}


async def delete_checkpoints_from(tx: Transaction, subject: str, from_us: int) -> int:
    """Delete a subject's checkpoints at or after an instant: late data before it made them wrong."""
    table = models.engine_checkpoint
    wrong = (table.c.subject == subject) & (table.c.at_us >= from_us)
    return (await tx.execute(delete(table).where(wrong))).rowcount


async def prune_checkpoints(tx: Transaction, before_us: int) -> int:
    """Delete checkpoints older than an instant, but each subject's newest; return how many."""
    table = models.engine_checkpoint
    other = table.alias()
    newest = select(func.max(other.c.at_us)).where(other.c.subject == table.c.subject).scalar_subquery()
    old = (table.c.at_us < before_us) & (table.c.at_us < newest)
    return (await tx.execute(delete(table).where(old))).rowcount


async def _add_once(tx: Transaction, table: Any, rows: list[dict[str, Any]]) -> int:
    added = 0
    for row in rows:
        added += (await tx.execute(tx.insert(table).values(row).on_conflict_do_nothing())).rowcount
    return added


def _storable(body: str) -> str:
    """Return a body that both databases can hold: PostgreSQL's text has no NUL, UTF-8 no lone surrogates."""
    capped = body[:BODY_LIMIT].replace("\x00", "\ufffd")
    return capped.encode("utf-8", "replace").decode("utf-8")
