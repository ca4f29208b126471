"""Tables of the audit: its rows, those that no block holds yet, and the blocks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from records.schema import ROW_ID, JsonText, instant, metadata, row_id

audit = Table(
    "audit",
    metadata,
    row_id(),
    instant("at_us"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JsonText(dict), nullable=False),
    Column("address", Text),
    Column("before", JsonText(dict)),
    Column("after", JsonText(dict)),
    Column("reason", Text),
    Index(None, "subject", "id"),
    Index(None, "actor", "id"),
    Index(None, "action", "id"),
    Index(None, "at_us"),
    sqlite_autoincrement=True,
)

audit_unsealed = Table(
    "audit_unsealed",
    metadata,
    Column("audit_id", ROW_ID, primary_key=True, autoincrement=False),
    instant("at_us"),
)
"""A trigger puts every new row of `audit` here, in the row's own transaction; sealing takes it out."""

audit_block = Table(
    "audit_block",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("members", JsonText(list[tuple[int, str]]), nullable=False),
    Column("rows_hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    instant("sealed_us"),
    # Two blocks after the same one would be two histories.
    UniqueConstraint("previous_hash"),
)
