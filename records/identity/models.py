"""Tables of accounts, their sessions, and failed attempts to sign in."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from records.schema import ROW_ID, instant, metadata, one_of, row_id

ROLES = ("administrator", "viewer")

account = Table(
    "account",
    metadata,
    row_id(),
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    one_of("role", ROLES),
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
