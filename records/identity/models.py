"""Tables of accounts, what they sign in with, their sessions and tokens, and failed attempts."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from records.schema import ROW_ID, JsonText, instant, metadata, one_of, row_id

ADDRESS_KINDS = ("email", "phone")
CODE_PURPOSES = ("change_email", "change_phone", "second_factor", "reset_password")

account = Table(
    "account",
    metadata,
    row_id(),
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    instant("deactivated_us", nullable=True),
    UniqueConstraint("username"),
    sqlite_autoincrement=True,
)

account_session = Table(
    "account_session",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("account_id", ROW_ID, ForeignKey("account.id"), nullable=False),
    instant("created_us"),
    instant("expires_us"),
    Column("csrf_token", Text, nullable=False),
    Column("address", Text),
    Column("agent", Text),
    instant("authenticated_us", nullable=True),
    instant("second_factor_us", nullable=True),
    Column("wrong_codes", Integer),
    Index(None, "account_id"),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("username", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    instant("last_us"),
    Index(None, "last_us"),
)

account_address = Table(
    "account_address",
    metadata,
    Column("account_id", ROW_ID, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
    instant("set_us"),
    instant("confirmed_us", nullable=True),
    one_of("kind", ADDRESS_KINDS),
)

account_authenticator = Table(
    "account_authenticator",
    metadata,
    Column("account_id", ROW_ID, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("sealed_secret", Text, nullable=False),
    instant("enrolled_us"),
    instant("confirmed_us", nullable=True),
    Column("last_step", Integer, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("account_id", ROW_ID, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("code_hash", Text, primary_key=True),
    instant("used_us", nullable=True),
)

one_time_code = Table(
    "one_time_code",
    metadata,
    row_id(),
    Column("account_id", ROW_ID, ForeignKey("account.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("payload", Text),
    Column("attempts", Integer, nullable=False),
    instant("created_us"),
    instant("expires_us"),
    instant("used_us", nullable=True),
    one_of("purpose", CODE_PURPOSES),
    Index(None, "account_id", "created_us"),
    sqlite_autoincrement=True,
)

api_token = Table(
    "api_token",
    metadata,
    row_id(),
    Column("account_id", ROW_ID, ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("scopes", JsonText(list[str]), nullable=False),
    instant("created_us"),
    instant("expires_us"),
    instant("last_used_us", nullable=True),
    instant("revoked_us", nullable=True),
    UniqueConstraint("token_hash"),
    Index(None, "account_id"),
    sqlite_autoincrement=True,
)
