"""Key files and databases with keys, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from records.database import Database, Transaction
from records.key_file import create_key_file, new_key_file
from records.key_ring import KeyRing


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
