"""Changing the master key: every person's key is wrapped anew, in batches, while everything runs.

What is left to do is read from the rows themselves, so a rotation that was killed goes on where it stood. The
old master stays in the file until it is forgotten on purpose: a backup of the database may still need it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import func, select, update

from oxygen.errors import Permanent, Rejected
from records import audit
from records.database import Database, Transaction
from records.key_file import KeyFile, new_master, read_key_file, replace_key_file
from records.personal import sealing
from records.personal.models import person_key
from records.personal.services import DAMAGED, MASTER_MISSING

BATCH = 200


class Rotated(msgspec.Struct, frozen=True):
    """What a rotation did.

    Attributes:
        master: The master that wraps every key now.
        rewrapped: Keys wrapped anew.
        unreadable: Keys left as they were, because their own master is missing or they are damaged.
    """

    master: str
    rewrapped: int
    unreadable: int


class _Batch(msgspec.Struct, frozen=True):
    last_id: int
    rewrapped: int
    unreadable: int


class _Rewrapping(msgspec.Struct, frozen=True):
    database: Database
    actor: str
    clock: Callable[[], int]
    progress: Callable[[int, int], None]
    batch: int


async def rotate(
    database: Database,
    path: Path,
    *,
    backup: Path | None,
    actor: str,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] = lambda done, total: None,
    batch: int = BATCH,
) -> Rotated:
    """Take a new master into use, or go on with a rotation that was cut short, and wrap every key with it.

    Args:
        database: The records, opened with this key file.
        path, backup: The key file and its copy; the copy is written first, so that no key is ever wrapped
            with a master that stands in one place only.
        actor: For the audit.
        clock: µs since 1970 UTC.
        progress: Called with (done, total) after each batch.
        batch: Keys a transaction.

    Raises:
        Permanent: A file cannot be read or written; nothing was changed then.
        Retryable: The database did not answer; run it again.
    """
    work = _Rewrapping(database, actor, clock, progress, batch)
    keys = read_key_file(path)
    resumed = await _rewrap_all(work, keys, resumed=True)
    if resumed.rewrapped:
        return resumed
    return await _rewrap_all(work, add_master(path, backup, clock()), resumed=False)


def add_master(path: Path, backup: Path | None, now_us: int) -> KeyFile:
    """Put a new master into the copy and then into the key file, and return what they hold now."""
    keys = read_key_file(path)
    grown = msgspec.structs.replace(keys, masters=(*keys.masters, new_master(now_us)))
    if backup is not None:
        if read_key_file(backup).index_secret != keys.index_secret:
            raise Permanent(
                f"{backup} is no copy of {path}",
                code="key_backup_differs",
                path=str(path),
                backup=str(backup),
            )
        replace_key_file(backup, grown)
    replace_key_file(path, grown)
    return grown


async def forget_master(
    tx: Transaction, path: Path, master_id: str, *, backup: Path | None, actor: str, now_us: int
) -> None:
    """Take an old master out of the key file and its copy.

    Backups of the database from before its rotation can then show no personal data any more, those of erased
    persons included. Raises Rejected `not_found`, `master_in_use` while it is the current one or wraps a key.
    """
    keys = read_key_file(path)
    if keys.master(master_id) is None:
        raise Rejected(f"there is no master {master_id}", code="not_found", what="master", key=master_id)
    used = int(
        await tx.scalar(select(func.count()).select_from(person_key).where(person_key.c.master == master_id))
    )
    if used or master_id == keys.current.id:
        raise Rejected(f"master {master_id} is in use", code="master_in_use", master=master_id, keys=used)
    await _audit(tx, now_us, actor, "keys.forget", {"master": master_id})
    kept = tuple(master for master in keys.masters if master.id != master_id)
    for file in (path, backup):
        if file is not None:
            replace_key_file(file, msgspec.structs.replace(keys, masters=kept))


async def _rewrap_all(work: _Rewrapping, keys: KeyFile, *, resumed: bool) -> Rotated:
    """Wrap every key that stands under another master than the current one."""
    other = person_key.c.master != keys.current.id
    async with work.database.write() as tx:
        total = int(await tx.scalar(select(func.count()).select_from(person_key).where(other)))
        if total or not resumed:
            detail = {"master": keys.current.id, "keys": total, "resumed": resumed}
            await _audit(tx, work.clock(), work.actor, "keys.rotate", detail)
    done = unreadable = last_id = 0
    while True:
        work.progress(min(total, done + unreadable), total)
        async with work.database.write() as tx:
            one = await _rewrap(tx, keys, last_id, work.batch, work.clock())
        if one is None:
            return Rotated(keys.current.id, done, unreadable)
        last_id, done, unreadable = one.last_id, done + one.rewrapped, unreadable + one.unreadable


async def _rewrap(tx: Transaction, keys: KeyFile, after_id: int, limit: int, now_us: int) -> _Batch | None:
    query = (
        select(person_key)
        .where(person_key.c.master != keys.current.id, person_key.c.person_id > after_id)
        .order_by(person_key.c.person_id)
        .limit(limit)
        .with_for_update()
    )
    rows = await tx.rows(query)
    if not rows:
        return None
    good = 0
    for row in rows:
        wrapped = rewrapped(keys, row["person_id"], row["master"], row["wrapped"])
        if wrapped in (MASTER_MISSING, DAMAGED):
            continue
        values = {"master": keys.current.id, "wrapped": wrapped, "wrapped_us": now_us}
        mine = person_key.c.person_id == row["person_id"]
        await tx.execute(update(person_key).where(mine).values(values))
        good += 1
    return _Batch(int(rows[-1]["person_id"]), good, len(rows) - good)


def rewrapped(keys: KeyFile, person_id: int, master_id: str, wrapped: str) -> str:
    """Return a person's key under the current master, or the reason why it cannot be read."""
    master = keys.master(master_id)
    if master is None:
        return MASTER_MISSING
    key = sealing.unwrap(master, person_id, wrapped)
    return DAMAGED if key is None else sealing.wrap(keys.current, person_id, key)


async def _audit(tx: Transaction, now_us: int, actor: str, action: str, detail: dict[str, object]) -> None:
    await audit.record(tx, at_us=now_us, actor=actor, action=action, subject="keys:master", detail=detail)
