"""How each database is opened: SQLite that loses no update, PostgreSQL that waits for nobody for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from oxygen.errors import Permanent


class Waits(msgspec.Struct, frozen=True):
    """How long the records are waited for before a call ends as Retryable, in seconds.

    Attributes:
        lock_s: For another writer, or for a free connection.
        statement_s: For one statement's answer, PostgreSQL.
        connect_s: For a connection, PostgreSQL.
        idle_s: A transaction that stands idle this long is ended by PostgreSQL: a frozen process must not
            keep its locks.
    """

    lock_s: float = 10.0
    statement_s: float = 60.0
    connect_s: float = 10.0
    idle_s: float = 30.0


_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_READ_ONLY = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def make_engine(url: str, waits: Waits, *, foreign_keys: bool = True) -> AsyncEngine:
    """Return an engine for writing units of work; raises Permanent when the address cannot be used."""
    address = parse(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, waits, foreign_keys=foreign_keys)
    return create_async_engine(
        address,
        pool_size=5,
        max_overflow=5,
        pool_pre_ping=True,
        pool_timeout=waits.lock_s,
        hide_parameters=True,
        connect_args={
            "timeout": waits.connect_s,
            "command_timeout": waits.statement_s,
            "server_settings": {
                "application_name": "oxywatch",
                "lock_timeout": _ms(waits.lock_s),
                "idle_in_transaction_session_timeout": _ms(waits.idle_s),
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


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def _sqlite(address: URL, waits: Waits, *, foreign_keys: bool) -> AsyncEngine:
    engine = create_async_engine(
        address, pool_size=5, max_overflow=10, pool_timeout=waits.lock_s, hide_parameters=True
    )
    switch = "ON" if foreign_keys else "OFF"

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes late and deferred, which silently loses concurrent updates.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_ms(waits.lock_s)}")
        cursor.execute(f"PRAGMA foreign_keys = {switch}")
        cursor.execute("PRAGMA synchronous = FULL")
        # Without this, INSERT OR REPLACE would delete rows past the append-only triggers.
        cursor.execute("PRAGMA recursive_triggers = ON")
        # An erased person's key must not stay behind in a free page of the file.
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine
