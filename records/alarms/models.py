"""Tables of alarms, their history, the evaluator's memory and its cursors."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from records.schema import ROW_ID, JsonText, instant, metadata, one_of, row_id

SEVERITIES = ("warning", "reorder", "urgent", "critical")
"""From the mildest to the worst."""
STATES = ("open", "cleared")
EVENT_KINDS = (
    "raised",
    "worsened",
    "improved",
    "acknowledged",
    "cleared",
    "late",
    "note",
    "delivered",
    "undeliverable",
)

_OPEN = text("state = 'open' AND NOT late")
_LATE = text("late")

alarm = Table(
    "alarm",
    metadata,
    row_id(),
    Column("subject", Text, nullable=False),
    Column("facility", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    instant("raised_us"),
    instant("acknowledged_us", nullable=True),
    Column("acknowledged_by", Text),
    instant("cleared_us", nullable=True),
    Column("params", JsonText(dict), nullable=False),
    Column("version", Integer, nullable=False),
    one_of("severity", SEVERITIES),
    one_of("state", STATES),
    Index("uq_alarm_open", "subject", "rule", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(
        "uq_alarm_late",
        "subject",
        "rule",
        "raised_us",
        unique=True,
        sqlite_where=_LATE,
        postgresql_where=_LATE,
    ),
    Index(None, "facility", "raised_us"),
    Index(None, "raised_us"),
    sqlite_autoincrement=True,
)

alarm_event = Table(
    "alarm_event",
    metadata,
    row_id(),
    Column("alarm_id", ROW_ID, ForeignKey("alarm.id"), nullable=False),
    instant("at_us"),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("params", JsonText(dict), nullable=False),
    one_of("kind", EVENT_KINDS),
    Index(None, "alarm_id", "id"),
    sqlite_autoincrement=True,
)

alarm_memory = Table(
    "alarm_memory",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("body", JsonText(), nullable=False),
)

cursor = Table(
    "cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
