"""The file behind the spool: opening, locking, checking, and setting a damaged one aside."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from oxygen.errors import Permanent

Connect = Callable[[str], sqlite3.Connection]

_log = logging.getLogger(__name__)
_SCHEMA_VERSION = 1
_CORRUPT_CODES = {11, 26}  # SQLITE_CORRUPT, SQLITE_NOTADB
_SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    (
        "CREATE TABLE sample (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, t_us INTEGER,"
        " boot TEXT NOT NULL, mono_us INTEGER NOT NULL, signals BLOB NOT NULL, checksum INTEGER NOT NULL)"
    ),
    "CREATE UNIQUE INDEX sample_at ON sample (subject, t_us) WHERE t_us IS NOT NULL",
    "CREATE TABLE stored (first INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "CREATE TABLE gap (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL)",
    "INSERT INTO meta VALUES ('last_seq', 0), ('thinned_to', 0)",
    f"PRAGMA user_version = {_SCHEMA_VERSION}",
)


class SpoolCorruptError(Exception):
    """The spool's file is damaged; open it anew: the damaged one is set aside and a new epoch begins."""


class OpenSpool(NamedTuple):
    """An open and checked file.

    Attributes:
        connection: In autocommit mode, WAL, synchronous FULL.
        lock: Descriptor that keeps every other agent out until it is closed.
        set_aside: Where a damaged predecessor now lies; None when there was none.
    """

    connection: sqlite3.Connection
    lock: int
    set_aside: Path | None


def connect_sqlite(path: str) -> sqlite3.Connection:
    """Open a file by the standard library, in autocommit mode."""
    return sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)


def open_file(path: Path, connect: Connect, stamp: str) -> OpenSpool:
    """Open or create the spool at `path`; a damaged file is renamed to `NAME.corrupt-STAMP` first.

    Raises:
        Permanent: Another agent uses it, its folder cannot be written, or a newer program made it.
    """
    lock = _lock(path)
    set_aside = None
    try:
        try:
            connection = _checked(path, connect)
        except SpoolCorruptError as error:
            set_aside = _set_aside(path, stamp)
            _log.critical("spool %s is damaged (%s); kept as %s, a new epoch begins", path, error, set_aside)
            connection = _checked(path, connect)
    except BaseException:
        os.close(lock)
        raise
    return OpenSpool(connection, lock, set_aside)


def translated(error: sqlite3.Error) -> Exception:
    """Return SpoolCorruptError when the file is damaged, otherwise the error itself."""
    code = getattr(error, "sqlite_errorcode", None)
    damaged = code is not None and code & 0xFF in _CORRUPT_CODES
    return SpoolCorruptError(str(error)) if damaged else error


def _lock(path: Path) -> int:
    name = f"{path}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Permanent(f"spool {path}: {error}", code="spool_unusable", file=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        message = f"spool {path} is in use by another agent"
        raise Permanent(message, code="spool_in_use", file=str(path)) from error
    return descriptor


def _checked(path: Path, connect: Connect) -> sqlite3.Connection:
    try:
        connection = connect(str(path))
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _unusable(path: Path, error: sqlite3.Error) -> Exception:
    cause = translated(error)
    if isinstance(cause, SpoolCorruptError):
        return cause
    return Permanent(f"spool {path}: {error}", code="spool_unusable", file=str(path))


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _create(connection)
    elif version != _SCHEMA_VERSION:
        message = f"the spool was made by another program version (schema {version})"
        raise Permanent(message, code="spool_version", version=version)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise SpoolCorruptError(verdict)
    (last_seq,) = connection.execute("SELECT value FROM meta WHERE key = 'last_seq'").fetchone() or (-1,)
    (highest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sample").fetchone()
    if not isinstance(last_seq, int) or last_seq < highest:
        raise SpoolCorruptError(f"holds sample {highest} but counts {last_seq}")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (uuid.uuid4().hex,))
    connection.execute("COMMIT")


def _set_aside(path: Path, stamp: str) -> Path:
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target
