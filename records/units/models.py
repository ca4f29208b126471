"""Tables of administrative units."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from records.schema import metadata

unit = Table(
    "unit",
    metadata,
    Column("code", Text, primary_key=True),
    Column("official_code", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("parent", Text, ForeignKey("unit.code"), nullable=True),
    Column("valid_from", Text, nullable=False),
    Column("valid_to", Text, nullable=True),
    Column("source", Text, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name="valid_to"),
    CheckConstraint("parent IS NULL OR parent <> code", name="parent"),
    Index(None, "parent"),
    Index(None, "level"),
)

unit_successor = Table(
    "unit_successor",
    metadata,
    Column("unit", Text, ForeignKey("unit.code"), primary_key=True),
    Column("successor", Text, ForeignKey("unit.code"), primary_key=True),
    CheckConstraint("unit <> successor", name="successor"),
)
