"""Key files and databases with keys, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from records import personal
from records.database import Database, Transaction
from records.key_file import create_key_file, new_key_file
from records.key_ring import KeyRing
from records.personal import Sealed

PHONE = "+84901234567"
FIELD = "facility.officer_phone"


def make_keys(folder: Path, name: str = "keys.toml") -> Path:
    """Write a fresh key file and return its path."""
    path = folder / name
    create_key_file(path, new_key_file(1))
    return path


def with_keys(url: str, path: Path | None) -> Database:
    """Open the records with a key file; close them in the end."""
    return Database(url, keys=None if path is None else KeyRing(path))


async def everything(tx: Transaction, tables: Sequence[str]) -> str:
    """Return all that the tables hold, as one text to look for secrets in."""
    rows = [row for table in tables for row in await tx.rows(text(f"SELECT * FROM {table}"))]
    return "\n".join(str(tuple(row.values())) for row in rows)


async def sealed_phone(database: Database, subject: str = "facility:x", phone: str = PHONE) -> Sealed:
    """A number sealed for an officer."""
    async with database.write() as tx:
        person_id = await personal.person_for(tx, "officer", subject, now_us=1)
        return Sealed(FIELD, await personal.seal(tx, person_id, FIELD, phone))


async def opened(database: Database, *sealed: Sealed) -> list[tuple[str | None, str]]:
    """Text and reason of each."""
    async with database.read() as tx:
        return [(one.text, one.reason) for one in await personal.open_sealed(tx, sealed)]
