"""Table of work that one program asks of another."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table, Text, UniqueConstraint

from records.schema import JsonText, instant, lease_token, metadata, one_of, row_id

STATES = ("queued", "running", "done", "failed")

work = Table(
    "work",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("shard", Text, nullable=False),
    Column("params", JsonText(dict), nullable=False),
    Column("requested_by", Text, nullable=False),
    instant("requested_us"),
    Column("state", Text, nullable=False),
    Column("progress", Double, nullable=False),
    Column("note", Text, nullable=False),
    Column("result", JsonText(dict)),
    Column("claimed_by", Text),
    instant("claimed_us", nullable=True),
    instant("updated_us"),
    Column("key", Text),
    lease_token(),
    one_of("state", STATES),
    UniqueConstraint("key"),
    Index(None, "shard", "state", "id"),
    sqlite_autoincrement=True,
)
