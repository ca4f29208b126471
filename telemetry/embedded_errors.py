"""What an error of SQLite means for the caller. Pure."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from oxygen.errors import OxyWatchError, Permanent, Retryable

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FAILING = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL}


def error_of(path: Path, error: sqlite3.Error) -> OxyWatchError:
    """Return what to raise instead of `error`.

    A full disk, a lock held too long and a failing disk may pass. A file that cannot be opened or written,
    that is damaged or no database, needs a person.
    """
    # The low byte is the kind, the others say more precisely where it happened.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    reason = f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
    message = f"{path}: {reason}"
    if kind == sqlite3.SQLITE_FULL:
        return Retryable(message, code="telemetry_full", path=str(path), reason=reason)
    if kind in _LOCKED:
        return Retryable(message, code="telemetry_locked", path=str(path), reason=reason)
    if kind in _FAILING:
        return Retryable(message, code="telemetry_unreachable", url=str(path), reason=reason)
    return Permanent(message, code="telemetry_file_unusable", path=str(path), reason=reason)


def not_created(path: Path) -> Retryable:
    """Return what to raise when a reader comes before the writer has made the file."""
    reason = "the program that writes it has not made it yet"
    return Retryable(f"{path}: {reason}", code="telemetry_not_created", path=str(path), reason=reason)
