"""Table of the versions of a daily facility report."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from policy.daily_figures import Correction, TankDay
from records.schema import JsonText, instant, metadata, one_of, row_id

STATES = ("draft", "final")


report_version = Table(
    "report_version",
    metadata,
    row_id(),
    Column("facility", Text, nullable=False),
    Column("local_date", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("corrections", JsonText(dict[str, Correction]), nullable=False),
    Column("tank_days", JsonText(tuple[TankDay, ...])),
    Column("note", Text, nullable=False),
    Column("author", Text, nullable=False),
    instant("written_us"),
    one_of("state", STATES),
    UniqueConstraint("facility", "local_date", "version"),
    Index(None, "local_date"),
    sqlite_autoincrement=True,
)
