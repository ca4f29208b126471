"""Tables of what gateways are to do, what they say they do, and how they are."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from oxygen.wire.payloads import GatewayState
from records.schema import JsonText, instant, metadata, row_id

gateway_config = Table(
    "gateway_config",
    metadata,
    row_id(),
    Column("gateway", Text, ForeignKey("gateway.code"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("author", Text, nullable=False),
    instant("created_us"),
    UniqueConstraint("gateway", "version"),
    sqlite_autoincrement=True,
)

gateway_config_state = Table(
    "gateway_config_state",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    instant("reported_us"),
)

gateway_health = Table(
    "gateway_health",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("facility", Text, nullable=False),
    Column("state", JsonText(GatewayState), nullable=False),
    instant("received_us"),
    instant("last_online_us", nullable=True),
)
