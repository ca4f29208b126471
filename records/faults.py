"""Errors of the two databases, told as what the caller does next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable

_PERMANENT_CLASSES = ("28", "3D", "42")
"""SQLSTATE classes that only a person can mend: access refused, no such database, unknown table or right."""
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
        raise _from_driver(error) from error
    except (exc.TimeoutError, OSError, TimeoutError) as error:
        raise _down(error) from error


def _from_driver(error: exc.DBAPIError) -> OxyWatchError:
    """Return the error to raise for one that a driver raised."""
    detail = str(error.orig)
    if _APPEND_ONLY in detail:
        return Permanent(f"history is append-only: {detail}", code="append_only", detail=detail)
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if isinstance(error, exc.IntegrityError) or state.startswith(("22", "23")):
        return Rejected(f"the database refuses this: {detail}", code="constraint", detail=detail)
    if isinstance(error, exc.DataError):
        return Rejected(f"the database cannot hold this: {detail}", code="constraint", detail=detail)
    if error.connection_invalidated:
        return _down(error.orig)
    if state.startswith(_PERMANENT_CLASSES) or any(word in detail for word in _SQLITE_PERMANENT):
        return Permanent(f"the database refuses access: {detail}", code="records_refused", detail=detail)
    if isinstance(error, exc.ProgrammingError) and not state:
        return Permanent(f"a statement is wrong: {detail}", code="records_refused", detail=detail)
    return _down(error.orig)


def _down(error: BaseException | None) -> Retryable:
    detail = str(error) or type(error).__name__
    return Retryable(f"the database of records does not answer: {detail}", code="records_down", detail=detail)
