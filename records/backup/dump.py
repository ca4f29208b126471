"""Dumping the records: every table, in one snapshot, while others write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, select, text

from records.backup.shapes import VERSION_TABLE, DumpShape, TableShape, encoder, kind_of, reflect
from records.database import Transaction

_PAGE_ROWS = 200
"""Fetched at a time; a block of the audit is a row of 150 kB."""
_PIECE_BYTES = 4 * 1024 * 1024


class Piece(NamedTuple):
    """Some rows of a table, as JSON lines."""

    table: str
    rows: int
    data: bytes


class RecordsDump:
    """A dump of everything in the records.

    Use it within one `Database.read()`: all of it is one snapshot, and no writer waits for it.

    Attributes:
        shape: What it holds.
    """

    def __init__(self, tx: Transaction, shape: DumpShape, tables: dict[str, Table]) -> None:
        """Take the parts; `open_dump` makes them."""
        self.shape = shape
        self._tx = tx
        self._tables = tables

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield all rows, table by table, in bounded memory. Raises Retryable, Permanent."""
        for shape in self.shape.tables:
            encode = encoder(shape)
            buffer, rows = bytearray(), 0
            async for page in self._tx.pages(_all_rows(self._tables[shape.name]), _PAGE_ROWS):
                buffer += encode(page)
                rows += len(page)
                if len(buffer) >= _PIECE_BYTES:
                    yield Piece(shape.name, rows, bytes(buffer))
                    buffer, rows = bytearray(), 0
            if rows:
                yield Piece(shape.name, rows, bytes(buffer))


async def open_dump(tx: Transaction) -> RecordsDump:
    """Look at what there is to dump. Raises Retryable, Permanent."""
    tables = await tx.run_sync(reflect)
    revision = str(await tx.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")))  # noqa: S608
    shapes = [
        TableShape(
            name=str(table.name),
            columns=[(str(column.name), kind_of(column)) for column in table.columns],
            rows=int(await tx.scalar(select(func.count()).select_from(table))),
        )
        for table in tables
    ]
    last_ids = await tx.run_sync(_last_ids)
    return RecordsDump(tx, DumpShape(revision, shapes, last_ids), {table.name: table for table in tables})


def counters(connection: Connection) -> dict[str, str]:
    """Return table -> sequence of PostgreSQL's counted tables."""
    query = text(
        "SELECT child.relname AS name, quote_ident(s.relname) AS sequence FROM pg_class s"
        " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')"
        " JOIN pg_class child ON child.oid = d.refobjid"
        " WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace"
    )
    return {row["name"]: row["sequence"] for row in connection.execute(query).mappings()}


def _last_ids(connection: Connection) -> dict[str, int]:
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return {name: seq for name, seq in found if seq}
    last_ids: dict[str, int] = {}
    for table, sequence in counters(connection).items():
        query = f"SELECT last_value FROM {sequence} WHERE is_called"  # noqa: S608
        value = connection.exec_driver_sql(query).scalar()
        if value is not None:
            last_ids[table] = int(value)
    return last_ids


def _all_rows(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)
