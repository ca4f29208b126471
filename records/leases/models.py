"""Tables of shards and of who may serve them at present."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from records.schema import instant, metadata

shard = Table(
    "shard",
    metadata,
    Column("code", Text, primary_key=True),
)

lease = Table(
    "lease",
    metadata,
    Column("shard", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    instant("granted_us"),
    instant("expires_us"),
)
