"""Tables of what accounts may do: grants, and personal data opened for a while with a reason."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from records.schema import ROW_ID, instant, metadata, one_of, row_id

ROLES = (
    "national",
    "ministry_health_service",
    "doh",
    "industry_trade",
    "district",
    "ward",
    "steering_committee",
    "facility_admin",
    "facility",
    "supplier",
    "station",
    "technician",
    "auditor",
    "administrator",
    "viewer",
    "citizen",
)
SCOPE_KINDS = ("all", "unit", "body", "facility", "supplier", "station", "gateway")

account_grant = Table(
    "account_grant",
    metadata,
    row_id(),
    Column("account_id", ROW_ID, ForeignKey("account.id"), nullable=False),
    Column("role", Text, nullable=False),
    Column("scope_kind", Text, nullable=False),
    Column("scope_code", Text, nullable=False),
    instant("valid_from_us"),
    instant("valid_to_us", nullable=True),
    Column("granted_by", Text, nullable=False),
    instant("granted_us"),
    Column("reason", Text, nullable=False),
    instant("revoked_us", nullable=True),
    Column("revoked_by", Text, nullable=True),
    Column("revoke_reason", Text, nullable=True),
    one_of("role", ROLES),
    one_of("scope_kind", SCOPE_KINDS),
    CheckConstraint("(scope_kind = 'all') = (scope_code = '')", name="scope_code"),
    CheckConstraint("valid_to_us IS NULL OR valid_from_us < valid_to_us", name="valid_to_us"),
    Index(None, "account_id"),
    Index(
        "uq_account_grant_standing",
        "account_id",
        "role",
        "scope_kind",
        "scope_code",
        unique=True,
        sqlite_where=text("revoked_us IS NULL"),
        postgresql_where=text("revoked_us IS NULL"),
    ),
    sqlite_autoincrement=True,
)

broken_glass = Table(
    "broken_glass",
    metadata,
    row_id(),
    Column("account_id", ROW_ID, ForeignKey("account.id"), nullable=False),
    Column("scope_kind", Text, nullable=False),
    Column("scope_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    instant("opened_us"),
    instant("expires_us"),
    instant("closed_us", nullable=True),
    one_of("scope_kind", SCOPE_KINDS),
    CheckConstraint("opened_us < expires_us", name="expires_us"),
    Index(None, "account_id", "expires_us"),
    sqlite_autoincrement=True,
)
