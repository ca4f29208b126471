"""How each database is opened: SQLite that loses no update, PostgreSQL that waits for nobody for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from oxygen.errors import Permanent

BUSY_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
IDLE_IN_TRANSACTION_MS = 30_000
"""A frozen process must not keep its locks: PostgreSQL ends a transaction that stands idle this long."""

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_READ_ONLY = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def make_engine(url: str, *, foreign_keys: bool = True) -> AsyncEngine:
    """Return an engine for writing units of work; raises Permanent when the address cannot be used."""
    address = parse(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, foreign_keys=foreign_keys)
    return create_async_engine(
        address,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": STATEMENT_TIMEOUT_S,
            "server_settings": {
                "application_name": "oxywatch",
                "lock_timeout": str(BUSY_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
            },
        },
    )


def reading(engine: AsyncEngine) -> AsyncEngine:
    """Return the same pool for reading: one snapshot for all statements of a transaction."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(sqlite_begin="BEGIN")
    return engine.execution_options(**_READ_ONLY)


def parse(url: str) -> URL:
    """Return the address with the driver that the records use; raises Permanent."""
    try:
        address = make_url(url)
        address = address.set(drivername=_DRIVERS[address.get_backend_name()])
    except (ArgumentError, KeyError) as error:
        raise _bad_address() from error
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise _bad_address()
    return address


def make_private_file(url: str) -> None:
    """Make SQLite's file and folder if they are missing, closed to other users: it holds password hashes."""
    address = parse(url)
    if address.get_backend_name() != "sqlite":
        return
    path = Path(str(address.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _bad_address() -> Permanent:
    expected = "sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE"
    return Permanent(
        f"the address of the records cannot be used, expected {expected}",
        code="bad_records_address",
        expected=expected,
    )


def _sqlite(address: URL, *, foreign_keys: bool) -> AsyncEngine:
    engine = create_async_engine(address, pool_size=5, max_overflow=10, hide_parameters=True)
    switch = "ON" if foreign_keys else "OFF"

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes late and deferred, which silently loses concurrent updates.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute(f"PRAGMA foreign_keys = {switch}")
        cursor.execute("PRAGMA synchronous = FULL")
        # Without this, INSERT OR REPLACE would delete rows past the append-only triggers.
        cursor.execute("PRAGMA recursive_triggers = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine
