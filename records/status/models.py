"""Tables that ingest writes: derived state, daily figures, and the ledger of what arrived."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from oxygen.ranges import Range
from oxygen.wire.payloads import Status
from policy.daily_figures import Refill
from records.schema import ROW_ID, JsonText, instant, lease_token, metadata, row_id

status = Table(
    "status",
    metadata,
    row_id(),
    Column("shard", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("facility", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    instant("written_us"),
    instant("as_of_us", nullable=True),
    Column("band", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("quality", Text, nullable=False),
    Column("body", JsonText(Status), nullable=False),
    lease_token(),
    Index(None, "shard", "id"),
    Index(None, "written_us"),
    sqlite_autoincrement=True,
)

status_latest = Table(
    "status_latest",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("facility", Text, nullable=False),
    Column("shard", Text, nullable=False),
    Column("status_id", ROW_ID, nullable=False),
    instant("written_us"),
    Column("body", JsonText(Status), nullable=False),
    lease_token(),
    Index(None, "facility"),
)

tank_day = Table(
    "tank_day",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("local_date", Text, primary_key=True),
    Column("facility", Text, nullable=False),
    Column("opening_kg", Double),
    Column("closing_kg", Double),
    Column("minimum_kg", Double),
    Column("refilled_kg", Double),
    Column("consumed_kg", Double),
    Column("consumed_sd_kg", Double),
    Column("refills", JsonText(tuple[Refill, ...])),
    Column("coverage", Double),
    Column("expected_samples", Integer),
    Column("good_samples", Integer),
    instant("from_us", nullable=True),
    instant("to_us", nullable=True),
    Column("revision", Integer, nullable=False),
    instant("updated_us"),
    Index(None, "facility", "local_date"),
)

epoch_ledger = Table(
    "epoch_ledger",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("ranges", JsonText(tuple[Range, ...]), nullable=False),
    instant("last_us"),
    lease_token(),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    row_id(),
    Column("gateway", Text, nullable=False),
    Column("epoch", Text),
    Column("first_seq", BigInteger),
    Column("last_seq", BigInteger),
    instant("received_us"),
    Column("reason", Text, nullable=False),
    Column("params", JsonText(dict), nullable=False),
    Column("body", Text, nullable=False),
    instant("resolved_us", nullable=True),
    UniqueConstraint("gateway", "epoch", "first_seq", "last_seq", "reason"),
    sqlite_autoincrement=True,
)

declared_gap = Table(
    "declared_gap",
    metadata,
    row_id(),
    Column("gateway", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    instant("received_us"),
    UniqueConstraint("gateway", "epoch", "first_seq", "last_seq"),
    sqlite_autoincrement=True,
)

engine_checkpoint = Table(
    "engine_checkpoint",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    lease_token(),
)
