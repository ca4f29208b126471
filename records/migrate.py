"""Bringing the schema to the newest revision, by Alembic, without its command line."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from oxygen.errors import Permanent, Retryable
from records.engines import Waits, make_engine, make_private_file, parse
from records.faults import translated

_Step = Callable[[Config], None]
SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 0x0A9_7A7C  # advisory lock of migrations; any constant that nobody else uses
_WAITS = Waits(lock_s=60.0)
_WAL_TRIES = 100
_WAL_PAUSE_S = 0.05


async def upgrade(url: str, revision: str = "head") -> None:
    """Run every missing migration in one transaction, one process at a time.

    Raises Retryable when the database does not answer, Permanent when its revision is unknown to this
    program (a newer one has migrated it).
    """
    await _run(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str = "base") -> None:
    """Undo migrations down to `revision`; for tests and for a person who knows why."""
    await _run(url, lambda config: command.downgrade(config, revision))


async def _run(url: str, step: _Step) -> None:
    await asyncio.to_thread(prepare_file, url)
    engine = make_engine(
        url, _WAITS, foreign_keys=False
    )  # batch mode makes tables anew, which keys would refuse
    try:
        with translated():
            async with engine.begin() as connection:
                await connection.run_sync(run_step, step)
    finally:
        await engine.dispose()


def run_step(connection: Connection, step: Callable[[Config], None]) -> None:
    """Run a command of Alembic in the connection's transaction, one process at a time. Raises Permanent."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        step(config)
    except CommandError as error:
        raise Permanent(
            f"the records' schema cannot be migrated: {error}", code="unknown_schema", detail=str(error)
        ) from error


def prepare_file(url: str) -> None:
    """Make SQLite's file and switch it to WAL, which is kept in the file.

    Switching does not wait for a lock as statements do, so two processes that start at once need the loop.
    Does nothing for PostgreSQL. Raises Retryable, Permanent.
    """
    address = parse(url)
    if address.get_backend_name() != "sqlite":
        return
    try:
        make_private_file(url)
    except OSError as error:
        raise Permanent(
            f"cannot make {address.database}: {error}", code="records_refused", detail=str(error)
        ) from error
    for _ in range(_WAL_TRIES):
        with contextlib.closing(sqlite3.connect(str(address.database), timeout=_WAITS.lock_s)) as file:
            if _switch_to_wal(file):
                return
        time.sleep(_WAL_PAUSE_S)
    raise Retryable("the database of records is locked", code="records_down", detail="locked")


def _switch_to_wal(file: sqlite3.Connection) -> bool:
    try:
        return bool(file.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return False
        raise Permanent(
            f"not usable as database: {error}", code="records_refused", detail=str(error)
        ) from error
    except sqlite3.DatabaseError as error:
        raise Permanent(
            f"not usable as database: {error}", code="records_refused", detail=str(error)
        ) from error
