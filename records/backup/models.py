"""Table of the backups that were made, restored and proven."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text

from records.schema import JsonText, instant, metadata, one_of, row_id

KINDS = ("backup", "restore", "proof")
OUTCOMES = ("ok", "failed")

backup_run = Table(
    "backup_run",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("actor", Text, nullable=False),
    instant("started_us"),
    instant("finished_us"),
    Column("place", Text, nullable=False),
    Column("bytes", BigInteger),
    Column("sha256", Text),
    Column("encrypted", Boolean, nullable=False),
    Column("problem", Text),
    Column("detail", JsonText(dict), nullable=False),
    one_of("kind", KINDS),
    one_of("outcome", OUTCOMES),
    Index(None, "kind", "outcome", "finished_us"),
    sqlite_autoincrement=True,
)
