"""Grants take the place of an account's one role; personal data opened for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_grants"
down_revision = "0008_units_and_registry"
branch_labels = None
depends_on = None

_ROLES = (
    "role IN ('national', 'ministry_health_service', 'doh', 'industry_trade', 'district', 'ward', "
    "'steering_committee', 'facility_admin', 'facility', 'supplier', 'station', 'technician', 'auditor', "
    "'administrator', 'viewer', 'citizen')"
)
_SCOPES = "scope_kind IN ('all', 'unit', 'body', 'facility', 'supplier', 'station', 'gateway')"
_STANDING = "revoked_us IS NULL"
_FROM_ROLES = """
INSERT INTO account_grant
    (account_id, role, scope_kind, scope_code, valid_from_us, granted_by, granted_us, reason)
SELECT id, role, 'all', '', 0, 'system', 0, 'role of the account' FROM account
"""
_TO_ROLES = """
UPDATE account SET role = 'administrator' WHERE id IN (
    SELECT account_id FROM account_grant
    WHERE role = 'administrator' AND scope_kind = 'all' AND revoked_us IS NULL AND valid_to_us IS NULL)
"""


def _account_grant() -> None:
    op.create_table(
        "account_grant",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_us", sa.BigInteger(), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(_ROLES, name=op.f("ck_account_grant_role")),
        sa.CheckConstraint(_SCOPES, name=op.f("ck_account_grant_scope_kind")),
        sa.CheckConstraint(
            "(scope_kind = 'all') = (scope_code = '')", name=op.f("ck_account_grant_scope_code")
        ),
        sa.CheckConstraint(
            "valid_to_us IS NULL OR valid_from_us < valid_to_us", name=op.f("ck_account_grant_valid_to_us")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_grant_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_grant")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_account_grant_account_id"), "account_grant", ["account_id"], unique=False)
    op.create_index(
        "uq_account_grant_standing",
        "account_grant",
        ["account_id", "role", "scope_kind", "scope_code"],
        unique=True,
        sqlite_where=sa.text(_STANDING),
        postgresql_where=sa.text(_STANDING),
    )


def _broken_glass() -> None:
    op.create_table(
        "broken_glass",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(_SCOPES, name=op.f("ck_broken_glass_scope_kind")),
        sa.CheckConstraint("opened_us < expires_us", name=op.f("ck_broken_glass_expires_us")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_broken_glass_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broken_glass")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_broken_glass_account_id_expires_us"),
        "broken_glass",
        ["account_id", "expires_us"],
        unique=False,
    )


def _drop_role() -> None:
    with op.batch_alter_table("account", table_kwargs={"sqlite_autoincrement": True}) as account:
        account.drop_constraint(op.f("ck_account_role"), type_="check")
        account.drop_column("role")


def _add_role() -> None:
    with op.batch_alter_table("account", table_kwargs={"sqlite_autoincrement": True}) as account:
        account.add_column(sa.Column("role", sa.Text(), nullable=False, server_default="viewer"))
    op.execute(_TO_ROLES)
    with op.batch_alter_table("account", table_kwargs={"sqlite_autoincrement": True}) as account:
        account.alter_column("role", server_default=None)
        account.create_check_constraint(op.f("ck_account_role"), "role IN ('administrator', 'viewer')")


def upgrade() -> None:
    _account_grant()
    _broken_glass()
    op.execute(_FROM_ROLES)
    _drop_role()


def downgrade() -> None:
    """Accounts without a grant of an administrator over everything become viewers."""
    _add_role()
    op.drop_table("broken_glass")
    op.drop_table("account_grant")
