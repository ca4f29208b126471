"""What is known of the backups that were made, restored and proven."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from records import audit
from records.backup.models import KINDS, backup_run
from records.database import Transaction
from records.refusals import check_one_of


class BackupRun(msgspec.Struct, frozen=True):
    """A backup made (`backup`), put back (`restore`) or put back on trial (`proof`).

    Attributes:
        outcome: ok or failed.
        place: File.
        bytes, sha256: Of the file; None when there is none.
        encrypted: Whether a passphrase or a key is needed.
        problem: Code of the failure, or None.
        detail: What it held and what else explains it.
    """

    kind: str
    outcome: str
    actor: str
    started_us: int
    finished_us: int
    place: str
    encrypted: bool
    bytes: int | None = None
    sha256: str | None = None
    problem: str | None = None
    detail: dict[str, Any] = {}
    id: int = 0


async def note_run(tx: Transaction, run: BackupRun) -> int:
    """Keep a run, audited, and return its id."""
    check_one_of("kind", run.kind, KINDS)
    values = {name: value for name, value in msgspec.structs.asdict(run).items() if name != "id"}
    number = int(await tx.scalar(backup_run.insert().values(values).returning(backup_run.c.id)))
    await audit.record(
        tx,
        at_us=run.finished_us,
        actor=run.actor,
        action=f"backup.{run.kind}",
        subject=f"backup:{number}",
        detail={"outcome": run.outcome, "place": run.place, "sha256": run.sha256, "problem": run.problem},
    )
    return number


async def runs(tx: Transaction, *, kind: str | None = None, limit: int = 100) -> list[BackupRun]:
    """Return runs, newest first."""
    query = select(backup_run).order_by(backup_run.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(backup_run.c.kind == kind)
    return [BackupRun(**row) for row in await tx.rows(query)]


async def last_success(tx: Transaction, kind: str) -> BackupRun | None:
    """Return the newest run of a kind that succeeded, or None when there never was one."""
    succeeded = (backup_run.c.kind == kind) & (backup_run.c.outcome == "ok")
    query = select(backup_run).where(succeeded).order_by(backup_run.c.finished_us.desc()).limit(1)
    row = await tx.row(query)
    return None if row is None else BackupRun(**row)


async def age_us(tx: Transaction, kind: str, now_us: int) -> int | None:
    """Return how old the data of the last successful run of a kind is, µs; None when there is none.

    Counted from the run's beginning: what was written later is not in it.
    """
    run = await last_success(tx, kind)
    return None if run is None else now_us - run.started_us
