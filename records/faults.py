"""Errors of the two databases, told as what the caller does next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable

_PERMANENT_CLASSES = ("28", "3D", "42")
"""SQLSTATE classes that only a person can mend: access refused, no such database, unknown table or right."""
_REJECTED_CLASSES = ("22", "23")
"""SQLSTATE classes of a value or constraint that the caller's input broke."""
_SQLITE_PERMANENT = ("readonly", "malformed", "not a database", "no such table", "no such column")
_APPEND_ONLY = "append-only"


@contextmanager
def translated() -> Iterator[None]:
    """Turn what a driver raises into Retryable, Permanent or Rejected; anything else passes.

    Wrap database calls alone: an OSError of the caller's own must not read as a lost connection.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _meaning(error.orig, refused=isinstance(error, exc.IntegrityError | exc.DataError)) from error
    except OverflowError as error:  # SQLite's driver; PostgreSQL's answers with DataError
        raise _meaning(error, refused=True) from error
    except (asyncpg.PostgresError, sqlite3.Error) as error:  # raised bare while connecting
        raise _meaning(error, refused=False) from error
    except (exc.TimeoutError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _down(error) from error


def _meaning(error: BaseException | None, *, refused: bool) -> OxyWatchError:
    """Return the error to raise for one that a driver raised; `refused` when it blames the input."""
    detail = str(error)
    state = str(getattr(error, "sqlstate", None) or "")
    if _APPEND_ONLY in detail:
        return Permanent(f"history is append-only: {detail}", code="append_only", detail=detail)
    if refused or state.startswith(_REJECTED_CLASSES):
        return Rejected(f"the database refuses this: {detail}", code="constraint", detail=detail)
    if state.startswith(_PERMANENT_CLASSES) or any(word in detail for word in _SQLITE_PERMANENT):
        return Permanent(f"the database refuses access: {detail}", code="records_refused", detail=detail)
    return _down(error)


def _down(error: BaseException | None) -> Retryable:
    detail = str(error) or type(error).__name__
    return Retryable(f"the database of records does not answer: {detail}", code="records_down", detail=detail)
