"""Tables of who is told, what is to be sent, and what the loopback mail sink received."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from records.alarms.models import SEVERITIES
from records.schema import ROW_ID, JsonText, instant, metadata, one_of, row_id

CHANNELS = ("email", "webhook")
"""Ways that a contact can be told of alarms."""

SENDING_CHANNELS = (*CHANNELS, "sms")
STATES = ("queued", "sending", "sent", "failed", "given_up")

contact = Table(
    "contact",
    metadata,
    row_id(),
    Column("facility", Text, ForeignKey("facility.code")),
    Column("name", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text),
    Column("locale", Text, nullable=False),
    Column("minimum_severity", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("removed_us", nullable=True),
    one_of("channel", CHANNELS),
    one_of("minimum_severity", SEVERITIES),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    row_id(),
    Column("key", Text, nullable=False),
    Column("contact_id", ROW_ID, ForeignKey("contact.id")),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text),
    Column("locale", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("params", JsonText(dict), nullable=False),
    Column("alarm_id", ROW_ID, ForeignKey("alarm.id")),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("next_due_us"),
    Column("claimed_by", Text),
    instant("claimed_us", nullable=True),
    Column("last_error", Text),
    instant("created_us"),
    instant("sent_us", nullable=True),
    Column("receipt", Text),
    one_of("channel", SENDING_CHANNELS),
    one_of("state", STATES),
    UniqueConstraint("key"),
    Index(None, "state", "next_due_us"),
    Index(None, "alarm_id"),
    sqlite_autoincrement=True,
)

received_mail = Table(
    "received_mail",
    metadata,
    row_id(),
    instant("received_us"),
    Column("sender", Text, nullable=False),
    Column("recipients", JsonText(list), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body_text", Text, nullable=False),
    Column("body_html", Text, nullable=False),
    sqlite_autoincrement=True,
)
