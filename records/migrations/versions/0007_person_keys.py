"""Keys of persons and blind indexes; second factor, addresses, codes and tokens of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_person_keys"
down_revision = "0006_audit_blocks"
branch_labels = None
depends_on = None

_TABLES = (
    "person",
    "person_key",
    "person_index",
    "account_address",
    "account_authenticator",
    "recovery_code",
    "one_time_code",
    "api_token",
)
_SESSION_COLUMNS = {
    "address": sa.Text,
    "agent": sa.Text,
    "authenticated_us": sa.BigInteger,
    "second_factor_us": sa.BigInteger,
    "wrong_codes": sa.Integer,
}


def _person() -> None:
    op.create_table(
        "person",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("erased_us", sa.BigInteger(), nullable=True),
        sa.Column("erased_by", sa.Text(), nullable=True),
        sa.Column("erased_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('account', 'officer', 'contact', 'representative', 'borrower', 'patient')",
            name=op.f("ck_person_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_person_erased_us"), "person", ["erased_us"], unique=False)
    op.create_index(
        "uq_person_subject",
        "person",
        ["subject"],
        unique=True,
        sqlite_where=sa.text("erased_us IS NULL"),
        postgresql_where=sa.text("erased_us IS NULL"),
    )


def _person_key() -> None:
    op.create_table(
        "person_key",
        sa.Column(
            "person_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("master", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.Column("wrapped_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_key_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_key")),
    )
    op.create_index(
        op.f("ix_person_key_master_person_id"), "person_key", ["master", "person_id"], unique=False
    )


def _person_index() -> None:
    op.create_table(
        "person_index",
        sa.Column(
            "person_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('citizen_id', 'phone', 'birth')", name=op.f("ck_person_index_kind")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_index_person_id")),
        sa.PrimaryKeyConstraint("person_id", "kind", name=op.f("pk_person_index")),
    )
    op.create_index(op.f("ix_person_index_kind_value"), "person_index", ["kind", "value"], unique=False)


def _account_address() -> None:
    op.create_table(
        "account_address",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('email', 'phone')", name=op.f("ck_account_address_kind")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_address_account_id")),
        sa.PrimaryKeyConstraint("account_id", "kind", name=op.f("pk_account_address")),
    )


def _account_authenticator() -> None:
    op.create_table(
        "account_authenticator",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("enrolled_us", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_us", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_authenticator_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_authenticator")),
    )


def _recovery_code() -> None:
    op.create_table(
        "recovery_code",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_recovery_code_account_id")),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_code")),
    )


def _one_time_code() -> None:
    op.create_table(
        "one_time_code",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('change_email', 'change_phone', 'second_factor', 'reset_password')",
            name=op.f("ck_one_time_code_purpose"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_one_time_code_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_one_time_code_account_id_created_us"),
        "one_time_code",
        ["account_id", "created_us"],
        unique=False,
    )


def _api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_api_token_account_id"), "api_token", ["account_id"], unique=False)


def _outbox_channels(*channels: str) -> None:
    allowed = ", ".join(f"'{channel}'" for channel in channels)
    connection = op.get_bind()
    view = None
    if connection.dialect.name == "sqlite":  # the table is made anew there, which a view upon it forbids
        view = connection.scalar(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'grafana_delivery'")
        )
        op.execute("DROP VIEW grafana_delivery")
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as outbox:
        outbox.drop_constraint(op.f("ck_outbox_channel"), type_="check")
        outbox.create_check_constraint(op.f("ck_outbox_channel"), f"channel IN ({allowed})")
    if view is not None:
        op.execute(view)


def upgrade() -> None:
    _person()
    _person_key()
    _person_index()
    _account_address()
    _account_authenticator()
    _recovery_code()
    _one_time_code()
    _api_token()
    op.add_column("account", sa.Column("deactivated_us", sa.BigInteger(), nullable=True))
    for name, kind in _SESSION_COLUMNS.items():
        op.add_column("account_session", sa.Column(name, kind(), nullable=True))
    _outbox_channels("email", "webhook", "sms")


def downgrade() -> None:
    """Personal fields go with the keys of their persons: what is sealed could never be opened again."""
    op.execute("DELETE FROM outbox WHERE channel = 'sms' OR address LIKE 'sealed:%'")
    op.execute("UPDATE facility SET officer_phone = '' WHERE officer_phone LIKE 'sealed:%'")
    _outbox_channels("email", "webhook")
    for name in _SESSION_COLUMNS:
        op.drop_column("account_session", name)
    op.drop_column("account", "deactivated_us")
    for table in reversed(_TABLES):
        op.drop_table(table)
