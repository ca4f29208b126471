"""Loading a dump into a database of either kind: all of it, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from oxygen.errors import Permanent, Rejected
from records import migrate
from records.backup.guards import Guards
from records.backup.shapes import VERSION_TABLE, DumpShape, TableShape, decoder, reflect
from records.engines import Waits, make_engine
from records.faults import translated

_WRITTEN = {"registry_version": "version > 0"}
"""Where migrations themselves leave a row: how a row looks that somebody wrote."""

_WAITS = Waits(lock_s=60.0, statement_s=3600.0, idle_s=600.0)


async def load_dump(
    url: str, shape: DumpShape, pieces: AsyncIterator[tuple[str, bytes]], *, replace: bool
) -> None:
    """Put a dump into the database of `url` and bring it to the newest schema, in one transaction.

    Args:
        url: As of `Database`; password included.
        shape: What the dump holds.
        pieces: (table, lines), as RecordsDump yields them.
        replace: Do away with what is there. Everything, audit included.

    Raises:
        Rejected: `restore_not_empty`, `backup_damaged`, `restore_inconsistent`; nothing was changed.
        Permanent: `backup_too_new`, or the database cannot be used.
        Retryable: It does not answer.
    """
    await asyncio.to_thread(migrate.prepare_file, url)
    engine = make_engine(url, _WAITS, foreign_keys=False)
    try:
        with translated():
            async with engine.begin() as connection:
                await _load(connection, shape, pieces, replace=replace)
    finally:
        await engine.dispose()


async def _load(
    connection: AsyncConnection, shape: DumpShape, pieces: AsyncIterator[tuple[str, bytes]], *, replace: bool
) -> None:
    await connection.run_sync(_prepare, shape, replace)
    tables = {table.name: table for table in await connection.run_sync(reflect)}
    _check_shape(shape, tables)
    guards = await connection.run_sync(Guards.lift)
    for table in tables.values():
        await connection.execute(table.delete())
    decoders = {each.name: (each, decoder(each)) for each in shape.tables}
    async for name, lines in pieces:
        table_shape, decode = decoders[name]
        try:
            rows = decode(lines)
        except (msgspec.DecodeError, ValueError) as error:
            raise _damaged(f"{name}: {error}") from error
        await _insert(connection, table_shape, rows)
    await connection.run_sync(_check_counts, shape, tables)
    await connection.run_sync(guards.put_back)
    await connection.run_sync(guards.set_counters, shape.last_ids)
    await connection.run_sync(
        lambda plain: migrate.run_step(plain, lambda config: command.upgrade(config, "head"))
    )


def _prepare(connection: Connection, shape: DumpShape, replace: bool) -> None:
    """Bring an empty database, or one to be replaced, to the dump's schema."""
    script = ScriptDirectory(str(migrate.SCRIPTS))
    if shape.revision not in {each.revision for each in script.walk_revisions()}:
        raise Permanent(
            f"the backup's schema {shape.revision} is unknown to this program",
            code="backup_too_new",
            version=shape.revision,
        )
    current = MigrationContext.configure(connection).get_current_revision()
    present = [name for name in inspect(connection).get_table_names() if name != VERSION_TABLE]
    held = [name for name in present if _holds_rows(connection, name)]
    if held and not replace:
        names = ", ".join(held)
        raise Rejected(f"the records are not empty: {names}", code="restore_not_empty", place=names)
    if current == shape.revision:
        return
    if current is not None:
        guards = Guards.lift(connection)
        for name in held:
            connection.exec_driver_sql(f'DELETE FROM "{name}"')  # noqa: S608
        guards.put_back(connection)
        migrate.run_step(connection, lambda config: command.downgrade(config, "base"))

    def up(config: Config) -> None:
        command.upgrade(config, shape.revision)

    migrate.run_step(connection, up)


def _holds_rows(connection: Connection, table: str) -> bool:
    query = f'SELECT 1 FROM "{table}" WHERE {_WRITTEN.get(table, "1 = 1")} LIMIT 1'  # noqa: S608 - our names
    return connection.exec_driver_sql(query).first() is not None


def _check_shape(shape: DumpShape, tables: dict[str, Table]) -> None:
    for dumped in shape.tables:
        table = tables.get(dumped.name)
        known = set() if table is None else {column.name for column in table.columns}
        unknown = sorted({name for name, _ in dumped.columns} - known)
        if table is None or unknown:
            what = dumped.name if table is None else f"{dumped.name}.{unknown[0]}"
            raise _damaged(f"{what} does not belong to the schema {shape.revision}")


async def _insert(connection: AsyncConnection, shape: TableShape, rows: Sequence[tuple[Any, ...]]) -> None:
    names = [name for name, _ in shape.columns]
    if connection.dialect.name == "postgresql":
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.copy_records_to_table(shape.name, records=rows, columns=names)
        return
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    statement = f'INSERT INTO "{shape.name}" ({quoted}) VALUES ({marks})'  # noqa: S608 - names of our tables
    await connection.exec_driver_sql(statement, list(rows))


def _check_counts(connection: Connection, shape: DumpShape, tables: dict[str, Table]) -> None:
    for dumped in shape.tables:
        found = connection.execute(select(func.count()).select_from(tables[dumped.name])).scalar()
        if found != dumped.rows:
            raise _damaged(f"{dumped.name}: {found} rows, expected {dumped.rows}")


def _damaged(detail: str) -> Rejected:
    return Rejected(f"the dump is damaged: {detail}", code="backup_damaged", path="records", detail=detail)
