"""Whether the key file and its copy are in order and open what the database holds."""

from __future__ import annotations

from pathlib import Path

import msgspec
from sqlalchemy import func, select

from oxygen.errors import Permanent
from records.database import Transaction
from records.key_file import KeyFile, open_to_others, read_key_file
from records.personal import sealing
from records.personal.models import person_key

_SAMPLES = 20


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with the keys.

    Attributes:
        code: Key under `keys` in the message catalogues.
        params: Values for its text.
        grave: Personal data cannot be read, or would be lost with one file.
    """

    code: str
    params: dict[str, object]
    grave: bool = True


async def check_keys(tx: Transaction, path: Path | None, backup: Path | None) -> list[Finding]:
    """Return everything that is wrong; an empty list means that both files open every person's key.

    A few keys of each master are really opened, with the file and with its copy.
    """
    if path is None:
        return [Finding("not_configured", {}, grave=await _any_key(tx))]
    keys, found = _file(path)
    if keys is not None:
        found += await _openable(tx, keys, path)
    if backup is None:
        return [*found, Finding("no_backup", {"path": str(path)})]
    copy, wrong = _file(backup)
    found += wrong
    if copy is None:
        return found
    if _same_file(path, backup):
        found.append(Finding("backup_is_same_file", {"path": str(backup)}))
    if keys is not None and copy != keys:
        found.append(Finding("backup_differs", {"path": str(backup)}))
    return found + await _openable(tx, copy, backup)


def _file(path: Path) -> tuple[KeyFile | None, list[Finding]]:
    try:
        keys = read_key_file(path)
        loose = open_to_others(path)
    except Permanent as error:
        return None, [Finding(error.code, {"detail": "", **error.params})]
    return keys, [Finding("open_to_others", {"path": str(path)})] if loose else []


def _same_file(path: Path, backup: Path) -> bool:
    return path.exists() and backup.samefile(path)


async def _any_key(tx: Transaction) -> bool:
    return bool(await tx.scalar(select(func.count()).select_from(person_key)))


async def _openable(tx: Transaction, keys: KeyFile, path: Path) -> list[Finding]:
    counted = select(person_key.c.master, func.count().label("keys")).group_by(person_key.c.master)
    found: list[Finding] = []
    for row in await tx.rows(counted.order_by(person_key.c.master)):
        master = keys.master(row["master"])
        params: dict[str, object] = {"path": str(path), "master": row["master"], "keys": row["keys"]}
        if master is None:
            found.append(Finding("master_missing", params))
            continue
        samples = (
            select(person_key)
            .where(person_key.c.master == master.id)
            .order_by(person_key.c.person_id.desc())
            .limit(_SAMPLES)
        )
        opened = [
            sealing.unwrap(master, sample["person_id"], sample["wrapped"])
            for sample in await tx.rows(samples)
        ]
        if any(key is None for key in opened):
            found.append(Finding("does_not_open", params))
    return found
