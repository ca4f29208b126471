"""Tables of gateways' admission: one-time codes, certificates, and what the broker is to let in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from records.schema import JsonText, instant, metadata, one_of, row_id

ACCESS = ("granted", "revoked")
DIFFERENCES = ("missing_client", "missing_role", "wrong_role", "unknown_client", "revoked_client")

enrolment_code = Table(
    "enrolment_code",
    metadata,
    row_id(),
    Column("gateway", Text, ForeignKey("gateway.code"), nullable=False),
    Column("code_hash", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    instant("created_us"),
    instant("expires_us"),
    instant("used_us", nullable=True),
    Column("used_key", Text),
    instant("withdrawn_us", nullable=True),
    UniqueConstraint("code_hash"),
    Index(None, "gateway"),
    sqlite_autoincrement=True,
)

gateway_certificate = Table(
    "gateway_certificate",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("gateway", Text, ForeignKey("gateway.code"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    instant("not_before_us"),
    instant("not_after_us"),
    instant("issued_us"),
    Column("renewal_of", Text),
    instant("revoked_us", nullable=True),
    Column("revoked_by", Text),
    Column("revoked_reason", Text),
    UniqueConstraint("fingerprint"),
    Index(None, "gateway"),
)

gateway_access = Table(
    "gateway_access",
    metadata,
    Column("gateway", Text, ForeignKey("gateway.code"), primary_key=True),
    Column("wanted", Text, nullable=False),
    Column("version", Integer, nullable=False),
    instant("wanted_us"),
    Column("applied_version", Integer, nullable=False),
    instant("applied_us", nullable=True),
    Column("problem", Text, nullable=False),
    one_of("wanted", ACCESS),
)

broker_difference = Table(
    "broker_difference",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("detail", JsonText(dict), nullable=False),
    instant("first_seen_us"),
    instant("last_seen_us"),
    Column("seen", BigInteger, nullable=False),
    instant("resolved_us", nullable=True),
    one_of("kind", DIFFERENCES),
    Index(None, "resolved_us"),
    sqlite_autoincrement=True,
)
