"""The tables of the embedded store, and what a writing connection remembers of them.

A series (measurement and tags) is an integer; each measurement has its own table with a column per field. Key
columns begin with an underscore, which no field's name does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from oxygen.errors import Permanent
from telemetry.contract import FieldValue, Point

APPLICATION_ID = 0x4F785774
"""Marks the file as ours in its header ("OxWt"), so that no other program's database is written to."""

SCHEMA_VERSION = 1

_TABLES = (
    """CREATE TABLE series (
        id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE (measurement, tags)
    )""",
    """CREATE TABLE series_tag (
        measurement TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, series INTEGER NOT NULL,
        PRIMARY KEY (measurement, name, value, series)
    ) WITHOUT ROWID""",
    """CREATE TABLE field (
        measurement TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, PRIMARY KEY (measurement, name)
    ) WITHOUT ROWID""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

_COLUMN_TYPES = {"float": "REAL", "integer": "INTEGER", "boolean": "INTEGER", "text": "TEXT"}


def type_of(value: FieldValue) -> str:
    """Return the type of a field's value: "boolean", "integer", "float" or "text"."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "float" if isinstance(value, float) else "text"


def table_of(measurement: str) -> str:
    """Return the quoted name of a measurement's table; the name has passed validation."""
    return f'"points_{measurement}"'


def is_created(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the file holds our tables. Raises Permanent when it is another program's or newer."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if owner == APPLICATION_ID and version == SCHEMA_VERSION:
        return True
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not owner and not version and not tables:
        return False
    reason = f"format {version}" if owner == APPLICATION_ID else "a database of another program"
    message = f"{path}: {reason}, expected an OxyWatch time series of format {SCHEMA_VERSION}"
    raise Permanent(message, code="telemetry_file_unusable", path=str(path), reason=reason)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, within the caller's transaction."""
    for statement in _TABLES:
        connection.execute(statement)


def types_in(connection: sqlite3.Connection, measurement: str) -> dict[str, str]:
    """Return field name -> type of a measurement; empty when nothing was ever written to it."""
    found = connection.execute("SELECT name, type FROM field WHERE measurement = ?", (measurement,))
    return dict(found.fetchall())


class Catalogue:
    """Series and columns known to the one writing connection, within its transaction.

    To be thrown away with the connection when a transaction fails: it may remember what was rolled back.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._data_version = 0
        self._series: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._types: dict[str, dict[str, str]] = {}

    def refresh(self) -> None:
        """Forget everything when another connection has committed since the last call."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            self._series.clear()
            self._types.clear()

    def types(self, measurement: str) -> dict[str, str]:
        """Return field name -> type of a measurement."""
        known = self._types.get(measurement)
        if known is None:
            known = self._types[measurement] = types_in(self._connection, measurement)
        return known

    def conflicts(self, point: Point) -> bool:
        """Tell whether a field of the point has another type than the one it was first written with."""
        known = self.types(point.measurement)
        return any(known.get(name, kind) != kind for name, kind in _types_of(point.fields))

    def add_columns(self, point: Point) -> None:
        """Make the measurement's table and the columns that the point needs and are not there."""
        known = self.types(point.measurement)
        missing = [(name, kind) for name, kind in _types_of(point.fields) if name not in known]
        if not missing:
            return
        table = table_of(point.measurement)
        if not known:
            self._connection.execute(
                f"CREATE TABLE {table} (_series INTEGER NOT NULL, _t_us INTEGER NOT NULL,"
                " PRIMARY KEY (_series, _t_us)) WITHOUT ROWID"
            )
        for name, kind in missing:
            self._connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {_COLUMN_TYPES[kind]}')
            row = (point.measurement, name, kind)
            self._connection.execute("INSERT INTO field (measurement, name, type) VALUES (?, ?, ?)", row)
            known[name] = kind

    def series(self, point: Point) -> int:
        """Return the series' number, a new one when it was never seen."""
        key = (point.measurement, point.tags)
        number = self._series.get(key)
        if number is None:
            number = self._series[key] = self._find_or_add_series(point.measurement, dict(sorted(point.tags)))
        return number

    def _find_or_add_series(self, measurement: str, tags: Mapping[str, str]) -> int:
        text = json.dumps(tags, ensure_ascii=False, separators=(",", ":"))
        query = "SELECT id FROM series WHERE measurement = ? AND tags = ?"
        found = self._connection.execute(query, (measurement, text)).fetchone()
        if found:
            return int(found[0])
        insert = "INSERT INTO series (measurement, tags) VALUES (?, ?)"
        number = self._connection.execute(insert, (measurement, text)).lastrowid or 0
        rows = [(measurement, name, value, number) for name, value in tags.items()]
        insert = "INSERT INTO series_tag (measurement, name, value, series) VALUES (?, ?, ?, ?)"
        self._connection.executemany(insert, rows)
        return number


def upsert(measurement: str, names: Sequence[str]) -> str:
    """Return the statement that stores one point with these fields and leaves its other fields alone."""
    columns = ", ".join(f'"{name}"' for name in names)
    updates = ", ".join(f'"{name}" = excluded."{name}"' for name in names)
    marks = ", ?" * len(names)
    return (
        f"INSERT INTO {table_of(measurement)} (_series, _t_us, {columns}) VALUES (?, ?{marks})"  # noqa: S608
        f" ON CONFLICT (_series, _t_us) DO UPDATE SET {updates}"
    )


def _types_of(fields: Mapping[str, FieldValue]) -> Iterable[tuple[str, str]]:
    return ((name, type_of(value)) for name, value in fields.items())
