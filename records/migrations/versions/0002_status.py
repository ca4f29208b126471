"""Derived state, daily figures, the ledger of what arrived, and work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_status"
down_revision = "0001_registry"
branch_labels = None
depends_on = None


def _status() -> None:
    op.create_table(
        "status",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("as_of_us", sa.BigInteger(), nullable=True),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_status_shard_id"), "status", ["shard", "id"], unique=False)
    op.create_index(op.f("ix_status_written_us"), "status", ["written_us"], unique=False)


def _status_latest() -> None:
    op.create_table(
        "status_latest",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("status_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_status_latest")),
    )
    op.create_index(op.f("ix_status_latest_facility"), "status_latest", ["facility"], unique=False)


def _tank_day() -> None:
    op.create_table(
        "tank_day",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("local_date", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("opening_kg", sa.Double(), nullable=True),
        sa.Column("closing_kg", sa.Double(), nullable=True),
        sa.Column("minimum_kg", sa.Double(), nullable=True),
        sa.Column("refilled_kg", sa.Double(), nullable=True),
        sa.Column("consumed_kg", sa.Double(), nullable=True),
        sa.Column("consumed_sd_kg", sa.Double(), nullable=True),
        sa.Column("refills", sa.Text(), nullable=True),
        sa.Column("coverage", sa.Double(), nullable=True),
        sa.Column("expected_samples", sa.Integer(), nullable=True),
        sa.Column("good_samples", sa.Integer(), nullable=True),
        sa.Column("from_us", sa.BigInteger(), nullable=True),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "local_date", name=op.f("pk_tank_day")),
    )
    op.create_index(
        op.f("ix_tank_day_facility_local_date"), "tank_day", ["facility", "local_date"], unique=False
    )


def _epoch_ledger() -> None:
    op.create_table(
        "epoch_ledger",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "epoch", name=op.f("pk_epoch_ledger")),
    )


def _dead_letter() -> None:
    op.create_table(
        "dead_letter",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=True),
        sa.Column("first_seq", sa.BigInteger(), nullable=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=True),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("resolved_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "gateway",
            "epoch",
            "first_seq",
            "last_seq",
            "reason",
            name=op.f("uq_dead_letter_gateway_epoch_first_seq_last_seq_reason"),
        ),
        sqlite_autoincrement=True,
    )


def _declared_gap() -> None:
    op.create_table(
        "declared_gap",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_gap")),
        sa.UniqueConstraint(
            "gateway",
            "epoch",
            "first_seq",
            "last_seq",
            name=op.f("uq_declared_gap_gateway_epoch_first_seq_last_seq"),
        ),
        sqlite_autoincrement=True,
    )


def _engine_checkpoint() -> None:
    op.create_table(
        "engine_checkpoint",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "at_us", name=op.f("pk_engine_checkpoint")),
    )


def _work() -> None:
    op.create_table(
        "work",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_us", sa.BigInteger(), nullable=True),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_work_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work")),
        sa.UniqueConstraint("key", name=op.f("uq_work_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_work_shard_state_id"), "work", ["shard", "state", "id"], unique=False)


def upgrade() -> None:
    _status()
    _status_latest()
    _tank_day()
    _epoch_ledger()
    _dead_letter()
    _declared_gap()
    _engine_checkpoint()
    _work()


def downgrade() -> None:
    op.drop_table("work")
    op.drop_table("engine_checkpoint")
    op.drop_table("declared_gap")
    op.drop_table("dead_letter")
    op.drop_table("epoch_ledger")
    op.drop_table("tank_day")
    op.drop_table("status_latest")
    op.drop_table("status")
