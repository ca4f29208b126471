"""Work that one program asks of the owner of a shard: a queue of rows, taken by whoever claims first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select, update

from records import audit
from records.database import Transaction
from records.refusals import changed_meanwhile
from records.work.models import work


class Work(msgspec.Struct, frozen=True):
    """A piece of work.

    Attributes:
        kind: Code of what is asked, as `recompute`.
        state: queued, running, done or failed.
        progress: 0…1.
        note: Code of what is being done, or of the failure.
        result: What came of it; None until done.
        key: What makes a repeated request the same one; None when each counts.
        lease_token: Of the lease under which it was last claimed or reported; 0 without one.
    """

    id: int
    kind: str
    shard: str
    params: dict[str, Any]
    requested_by: str
    requested_us: int
    state: str
    progress: float
    note: str
    result: dict[str, Any] | None
    claimed_by: str | None
    claimed_us: int | None
    updated_us: int
    key: str | None
    lease_token: int = 0


async def request_work(
    tx: Transaction,
    kind: str,
    shard: str,
    params: Mapping[str, Any],
    *,
    key: str | None = None,
    actor: str,
    now_us: int,
) -> int:
    """Queue work and return its id; the same `key` again returns the id of the first request."""
    values = {
        "kind": kind,
        "shard": shard,
        "params": dict(params),
        "requested_by": actor,
        "requested_us": now_us,
        "state": "queued",
        "progress": 0.0,
        "note": "",
        "updated_us": now_us,
        "key": key,
    }
    number = await tx.scalar(tx.insert(work).values(values).on_conflict_do_nothing().returning(work.c.id))
    if number is None:
        return int(await tx.scalar(select(work.c.id).where(work.c.key == key)))
    detail = {"kind": kind, "shard": shard, "params": dict(params)}
    await audit.record(
        tx, at_us=now_us, actor=actor, action="work.request", subject=f"work:{number}", detail=detail
    )
    return int(number)


async def claim_work(
    tx: Transaction, shard: str, kinds: Sequence[str], worker: str, now_us: int, reclaim_before_us: int
) -> Work | None:
    """Take the oldest piece that is queued, or that a worker left without a report since `reclaim_before_us`.

    Two workers never get the same piece. Returns None when there is nothing to do.
    """
    abandoned = (work.c.state == "running") & (work.c.updated_us < reclaim_before_us)
    free = (work.c.state == "queued") | abandoned
    oldest = (
        select(work.c.id)
        .where(work.c.shard == shard, work.c.kind.in_(kinds), free)
        .order_by(work.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = {
        "state": "running",
        "claimed_by": worker,
        "claimed_us": now_us,
        "updated_us": now_us,
        "lease_token": tx.lease_token,
    }
    row = await tx.row(update(work).where(work.c.id == oldest, free).values(taken).returning(work))
    return None if row is None else Work(**row)


async def report_work(
    tx: Transaction, work_id: int, progress: float, note: str, *, now_us: int, worker: str | None = None
) -> None:
    """Say how far running work is; also keeps it from being reclaimed.

    Raises Rejected `changed_meanwhile` when it is not running (any more) for this worker: stop working on it.
    """
    await _move(tx, work_id, worker, progress=progress, note=note, updated_us=now_us)


async def finish_work(
    tx: Transaction, work_id: int, result: Mapping[str, Any], *, now_us: int, worker: str | None = None
) -> None:
    """Close running work with its result; put it in the transaction that holds what the work wrote."""
    done = {"state": "done", "progress": 1.0, "result": dict(result), "updated_us": now_us}
    await _move(tx, work_id, worker, **done)


async def fail_work(
    tx: Transaction, work_id: int, note: str, *, now_us: int, worker: str | None = None
) -> None:
    """Close running work as failed for good, with the code of the reason."""
    await _move(tx, work_id, worker, state="failed", note=note, updated_us=now_us)


async def work_item(tx: Transaction, work_id: int) -> Work | None:
    """Return a piece of work, or None."""
    row = await tx.row(select(work).where(work.c.id == work_id))
    return None if row is None else Work(**row)


async def _move(tx: Transaction, work_id: int, worker: str | None, **values: Any) -> None:
    mine = (work.c.id == work_id) & (work.c.state == "running")
    if worker is not None:
        mine &= work.c.claimed_by == worker
    values["lease_token"] = tx.lease_token
    if (await tx.execute(update(work).where(mine).values(values))).rowcount != 1:
        raise changed_meanwhile("work", work_id)
