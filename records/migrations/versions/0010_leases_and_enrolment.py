"""Leases of shards, enrolment of gateways."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_leases_and_enrolment"
down_revision = "0009_grants"
branch_labels = None
depends_on = None

_BEARING_TOKENS = ("status", "status_latest", "epoch_ledger", "engine_checkpoint", "work")


def _row_id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, autoincrement=True, nullable=False)


def _shards() -> None:
    op.create_table(
        "shard",
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_shard")),
    )
    op.execute("INSERT INTO shard (code) SELECT DISTINCT shard FROM facility")
    op.create_table(
        "lease",
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("granted_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", "service", name=op.f("pk_lease")),
    )


def _enrolment() -> None:
    op.create_table(
        "enrolment_code",
        _row_id(),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.Column("used_key", sa.Text(), nullable=True),
        sa.Column("withdrawn_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_enrolment_code_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_enrolment_code_code_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_enrolment_code_gateway"), "enrolment_code", ["gateway"], unique=False)
    op.create_table(
        "gateway_certificate",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("not_before_us", sa.BigInteger(), nullable=False),
        sa.Column("not_after_us", sa.BigInteger(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("renewal_of", sa.Text(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_gateway_certificate_gateway")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_gateway_certificate")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_gateway_certificate_fingerprint")),
    )
    op.create_index(op.f("ix_gateway_certificate_gateway"), "gateway_certificate", ["gateway"], unique=False)


def _broker() -> None:
    op.create_table(
        "gateway_access",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wanted_us", sa.BigInteger(), nullable=False),
        sa.Column("applied_version", sa.Integer(), nullable=False),
        sa.Column("applied_us", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.CheckConstraint("wanted IN ('granted', 'revoked')", name=op.f("ck_gateway_access_wanted")),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_gateway_access_gateway")),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateway_access")),
    )
    op.create_table(
        "broker_difference",
        _row_id(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("resolved_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('missing_client', 'missing_role', 'wrong_role', 'unknown_client', 'revoked_client')",
            name=op.f("ck_broker_difference_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broker_difference")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_broker_difference_resolved_us"), "broker_difference", ["resolved_us"], unique=False
    )


def _fleet() -> None:
    op.create_table(
        "gateway_config",
        _row_id(),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_gateway_config_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_config")),
        sa.UniqueConstraint("gateway", "version", name=op.f("uq_gateway_config_gateway_version")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "gateway_config_state",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("reported_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateway_config_state")),
    )
    op.create_table(
        "gateway_health",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("last_online_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateway_health")),
    )


def _guard_configs() -> None:
    rows = "CREATE TRIGGER gateway_config_{0} BEFORE {1} ON gateway_config "
    if op.get_bind().dialect.name == "postgresql":
        each = " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        op.execute(rows.format("append_only", "UPDATE OR DELETE") + each)
        op.execute(
            rows.format("no_truncate", "TRUNCATE") + " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    refuse = "BEGIN SELECT RAISE(ABORT, 'append-only: gateway_config'); END"
    op.execute(rows.format("no_update", "UPDATE") + refuse)
    op.execute(rows.format("no_delete", "DELETE") + refuse)


def upgrade() -> None:
    for table in _BEARING_TOKENS:
        op.add_column(
            table, sa.Column("lease_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    _shards()
    _enrolment()
    _broker()
    _fleet()
    _guard_configs()


def downgrade() -> None:
    for table in ("gateway_health", "gateway_config_state", "gateway_config"):
        op.drop_table(table)
    for table in ("broker_difference", "gateway_access", "gateway_certificate", "enrolment_code"):
        op.drop_table(table)
    op.drop_table("lease")
    op.drop_table("shard")
    for table in _BEARING_TOKENS:
        op.drop_column(table, "lease_token")
