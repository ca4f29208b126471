"""Table of the audit."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from records.schema import JsonText, instant, metadata, row_id

audit = Table(
    "audit",
    metadata,
    row_id(),
    instant("at_us"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JsonText(dict), nullable=False),
    Index(None, "subject", "id"),
    sqlite_autoincrement=True,
)
