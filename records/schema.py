"""What every table shares: one MetaData, names of constraints, and types that both databases keep alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, Column, Dialect, Integer, MetaData, Text, text
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ROW_ID = BigInteger().with_variant(Integer(), "sqlite")
"""Type of a counted primary key: SQLite counts only a column declared INTEGER."""


class JsonText(TypeDecorator[Any]):
    """JSON as text, by msgspec; None is SQL NULL.

    A `shape` given as a type makes values come back as that type; without one they are plain dicts and lists.
    """

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any = Any) -> None:
        super().__init__()
        self.shape = shape
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the text to store."""
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the stored text as `shape`."""
        return None if value is None else self._decoder.decode(value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Compare as this type, so that a comparison encodes its other side too."""
        return self


def one_of(column: str, codes: Sequence[str]) -> CheckConstraint:
    """Return the CHECK that holds a text column to its codes."""
    allowed = ", ".join(f"'{code}'" for code in codes)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def row_id() -> Column[int]:
    """Return an `id` column; give the table `sqlite_autoincrement=True` so that ids are never used twice."""
    return Column("id", ROW_ID, primary_key=True, autoincrement=True)


def instant(name: str, *, nullable: bool = False) -> Column[int]:
    """Return a column of µs since 1970 UTC, an integer: a naive datetime cannot enter it."""
    return Column(name, BigInteger, nullable=nullable)


def lease_token() -> Column[int]:
    """Return the column that tells under which lease a row was written; 0 without one."""
    return Column("lease_token", BigInteger, nullable=False, server_default=text("0"))
