"""Tables of the persons whose data are encrypted: their keys, and what finds them without reading them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, text

from records.schema import ROW_ID, instant, metadata, one_of, row_id

KINDS = ("account", "officer", "contact", "representative", "borrower", "patient")
INDEX_KINDS = ("citizen_id", "phone", "birth")

person = Table(
    "person",
    metadata,
    row_id(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    instant("created_us"),
    instant("erased_us", nullable=True),
    Column("erased_by", Text),
    Column("erased_reason", Text),
    one_of("kind", KINDS),
    Index(
        "uq_person_subject",
        "subject",
        unique=True,
        sqlite_where=text("erased_us IS NULL"),
        postgresql_where=text("erased_us IS NULL"),
    ),
    Index(None, "erased_us"),
    sqlite_autoincrement=True,
)

person_key = Table(
    "person_key",
    metadata,
    Column("person_id", ROW_ID, ForeignKey("person.id"), primary_key=True, autoincrement=False),
    Column("master", Text, nullable=False),
    Column("wrapped", Text, nullable=False),
    instant("wrapped_us"),
    Index(None, "master", "person_id"),
)

person_index = Table(
    "person_index",
    metadata,
    Column("person_id", ROW_ID, ForeignKey("person.id"), primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("value", Text, nullable=False),
    one_of("kind", INDEX_KINDS),
    Index(None, "kind", "value"),
)
