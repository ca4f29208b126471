"""Reads of the embedded store: a few threads, each with a read-only connection of its own."""

from __future__ import annotations

import asyncio
import heapq
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from oxygen.errors import OxyWatchError
from telemetry.contract import Bucket, FieldValue, Row, Selection
from telemetry.embedded_errors import error_of, not_created
from telemetry.embedded_schema import is_created, table_of, types_in
from telemetry.embedded_write import Connect
from telemetry.validation import MAX_T_US, MIN_T_US, is_name

T = TypeVar("T")
Columns = Mapping[str, str]
SeriesTags = Mapping[int, Mapping[str, str]]

THREADS = 2
PAGE_ROWS = 2000
"""Rows fetched at a time, over all series of a selection together."""

_MIN_PAGE_ROWS = 50


class ReadPool:
    """Runs reading functions in threads; each thread opens the file at its first call."""

    def __init__(self, path: Path, *, busy_timeout_s: float, connect: Connect) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._connect = connect
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="telemetry-read")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def run(self, read: Callable[[], T]) -> T:
        """Return what `read` returns, called in a thread. Raises Retryable or Permanent."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._guarded, read)

    def connection(self) -> sqlite3.Connection:
        """Return the calling thread's connection. Raises Retryable when the file is still to be made."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._open()
            self._opened.append(found)
        return found

    async def close(self) -> None:
        """Let running reads end, then close the files; safe to repeat."""
        await asyncio.to_thread(self._threads.shutdown)
        while self._opened:
            self._opened.pop().close()

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (sqlite3.Error, OxyWatchError) as error:
            self._drop()
            if isinstance(error, sqlite3.Error):
                raise error_of(self._path, error) from error
            raise

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            raise not_created(self._path)
        # mode=ro, not query_only alone: a reader must not make an empty file where none is.
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        connection = self._connect(
            uri, uri=True, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            if is_created(connection, self._path):
                return connection
        except (sqlite3.Error, OxyWatchError):
            connection.close()
            raise
        connection.close()
        raise not_created(self._path)

    def _drop(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            self._opened.remove(connection)
            connection.close()


def series_of(connection: sqlite3.Connection, measurement: str, where: Mapping[str, str]) -> SeriesTags:
    """Return number -> tags of the series that have all tag values of `where`."""
    text, params = _series_query(measurement, where)
    found = connection.execute(f"SELECT id, tags FROM series WHERE id IN ({text})", params)  # noqa: S608
    return {number: json.loads(tags) for number, tags in found}


def rows_between(pool: ReadPool, selection: Selection, fields: Sequence[str]) -> Iterator[Row]:
    """Yield points ascending by time. Each step runs in whichever of the pool's threads calls it.

    Fetches page by page rather than holding a cursor, which would keep the write-ahead log from being reset.
    """
    connection = pool.connection()
    columns = columns_of(connection, selection.measurement, fields)
    if not columns or selection.since_us >= selection.until_us:
        return
    series = series_of(connection, selection.measurement, selection.where)
    limit = max(_MIN_PAGE_ROWS, PAGE_ROWS // max(1, len(series)))
    streams = [
        _series_rows(pool, selection, number, tags, columns, limit) for number, tags in sorted(series.items())
    ]
    yield from heapq.merge(*streams, key=lambda row: row.t_us)


def _series_rows(
    pool: ReadPool,
    selection: Selection,
    series: int,
    tags: Mapping[str, str],
    columns: Columns,
    limit: int,
) -> Iterator[Row]:
    text = (
        f"SELECT _t_us, {_listed(columns)} FROM {table_of(selection.measurement)}"  # noqa: S608
        " WHERE _series = ? AND _t_us >= ? AND _t_us < ? ORDER BY _t_us LIMIT ?"
    )
    since_us, until_us = max(selection.since_us, MIN_T_US), min(selection.until_us, MAX_T_US + 1)
    while True:
        page = pool.connection().execute(text, (series, since_us, until_us, limit)).fetchall()
        for values in page:
            row = _row(values, tags, columns)
            if row.fields:
                yield row
        if len(page) < limit:
            return
        since_us = page[-1][0] + 1


def latest_of(connection: sqlite3.Connection, measurement: str, where: Mapping[str, str]) -> Row | None:
    """Return the newest point of the selection, or None."""
    columns = columns_of(connection, measurement, ())
    if not columns:
        return None
    text = (
        f"SELECT _t_us, {_listed(columns)} FROM {table_of(measurement)}"  # noqa: S608
        " WHERE _series = ? ORDER BY _t_us DESC LIMIT 1"
    )
    newest: Row | None = None
    for number, tags in series_of(connection, measurement, where).items():
        values = connection.execute(text, (number,)).fetchone()
        if values and (newest is None or values[0] > newest.t_us):
            newest = _row(values, tags, columns)
    return newest


def buckets_of(
    connection: sqlite3.Connection, selection: Selection, field: str, step_us: int
) -> list[Bucket]:
    """Return the steps of a numeric field that hold values, ascending."""
    columns = columns_of(connection, selection.measurement, (field,))
    if columns.get(field) not in {"float", "integer"}:
        return []
    series, params = _series_query(selection.measurement, selection.where)
    text = (
        f'SELECT (_t_us - ?) / ?, min("{field}"), avg("{field}"), max("{field}"), count("{field}")'  # noqa: S608
        f" FROM {table_of(selection.measurement)}"
        f' WHERE _series IN ({series}) AND _t_us >= ? AND _t_us < ? AND "{field}" IS NOT NULL'
        " GROUP BY 1 ORDER BY 1"
    )
    since_us, until_us = selection.since_us, min(selection.until_us, MAX_T_US + 1)
    if since_us < MIN_T_US:  # SQLite's integers end; begin with the step that the first instant falls into
        since_us += (MIN_T_US - since_us) // step_us * step_us
    found = connection.execute(text, (since_us, step_us, *params, since_us, until_us))
    return [
        Bucket(since_us + step * step_us, float(minimum), mean, float(maximum), count)
        for step, minimum, mean, maximum, count in found
    ]


def columns_of(connection: sqlite3.Connection, measurement: str, fields: Sequence[str]) -> dict[str, str]:
    """Return name -> type of the wanted fields that exist; all of them when none is named."""
    types = types_in(connection, measurement)
    return {name: types[name] for name in fields if name in types} if fields else types


def _series_query(measurement: str, where: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the statement that selects the numbers of the series, and its parameters."""
    text = "SELECT id FROM series WHERE measurement = ?"
    params = [measurement]
    for name, value in where.items():
        text += " AND id IN (SELECT series FROM series_tag WHERE measurement = ? AND name = ? AND value = ?)"
        params += [measurement, name, value]
    return text, params


def _listed(columns: Columns) -> str:
    return ", ".join(f'"{name}"' for name in columns if is_name(name))


def _row(values: Sequence[Any], tags: Mapping[str, str], columns: Columns) -> Row:
    fields: dict[str, FieldValue] = {}
    for (name, kind), value in zip(columns.items(), values[1:], strict=True):
        if value is not None:
            fields[name] = bool(value) if kind == "boolean" else value
    return Row(t_us=values[0], tags=tags, fields=fields)
