"""The form in which tables are dumped: JSON lines, the same for both databases."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Connection, Float, Integer, LargeBinary, MetaData, String, Table

from oxygen.errors import Permanent

VERSION_TABLE = "alembic_version"

_KINDS: tuple[tuple[type[Any], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Float, "real"),
    (LargeBinary, "bytes"),
    (String, "text"),
)


class TableShape(msgspec.Struct, frozen=True):
    """A table as dumped: its columns as (name, kind) in the order of the rows' values, and its rows.

    A kind is `boolean`, `integer`, `real`, `text` or `bytes` (base64 in a line).
    """

    name: str
    columns: list[tuple[str, str]]
    rows: int


class DumpShape(msgspec.Struct, frozen=True):
    """What a dump of the records holds.

    Attributes:
        revision: Of the schema.
        tables: In an order in which none refers to a later one, where that can be had.
        last_ids: Highest number that a table's counter has given, by table; they are never given again.
    """

    revision: str
    tables: list[TableShape]
    last_ids: dict[str, int]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)


def reflect(connection: Connection) -> list[Table]:
    """Return the tables that the database really has, but for the schema's version."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def kind_of(column: Column[Any]) -> str:
    """Return the kind of a column. Raises Permanent for a type that the records do not use."""
    for shape, kind in _KINDS:
        if isinstance(column.type, shape):
            return kind
    place = f"{column.table.name}.{column.name}"
    raise Permanent(f"{place} has the unknown type {column.type}", code="unknown_schema", detail=place)


def encoder(shape: TableShape) -> Callable[[Iterable[Sequence[Any]]], bytes]:
    """Return a function that makes lines of rows."""
    reals = [i for i, (_, kind) in enumerate(shape.columns) if kind == "real"]

    def encode(rows: Iterable[Sequence[Any]]) -> bytes:
        return msgspec.json.Encoder().encode_lines([_finite(row, reals) for row in rows])

    return encode


def decoder(shape: TableShape) -> Callable[[bytes], list[tuple[Any, ...]]]:
    """Return a function that makes rows of lines. It raises msgspec.DecodeError, or ValueError."""
    converters = [(i, _CONVERTERS[kind]) for i, (_, kind) in enumerate(shape.columns) if kind in _CONVERTERS]
    width = len(shape.columns)

    def decode(lines: bytes) -> list[tuple[Any, ...]]:
        rows: list[list[Any]] = msgspec.json.Decoder(list[Any]).decode_lines(lines)
        for row in rows:
            if len(row) != width:
                raise ValueError(f"{shape.name}: a row has {len(row)} values, expected {width}")
            for i, convert in converters:
                if row[i] is not None:
                    row[i] = convert(row[i])
        return [tuple(row) for row in rows]

    return decode


_CONVERTERS: dict[str, Callable[[Any], Any]] = {"bytes": base64.b64decode, "real": float}


def _finite(row: Sequence[Any], reals: Sequence[int]) -> Sequence[Any]:
    """Return a row that JSON can tell: infinities and NaN as text."""
    if all(row[i] is None or math.isfinite(row[i]) for i in reals):
        return list(row)
    return [repr(value) if isinstance(value, float) and not math.isfinite(value) else value for value in row]
