"""Copying the embedded store's file while it is written, and putting a copy in its place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from oxygen.errors import Permanent, Rejected
from telemetry.embedded_errors import error_of
from telemetry.embedded_schema import is_created

PIECE_BYTES = 4 * 1024 * 1024
_PAGES_AT_A_TIME = 2048

Progress = Callable[[int, int], None]
"""Told (done, in all); the unit is the caller's."""


def snapshot(path: Path, copy: Path, progress: Progress) -> bool:
    """Copy the store's file to `copy` as it stands at one instant; False when there is none yet.

    Writers go on. Blocks; call it in a thread. Raises Retryable, Permanent.
    """
    if not path.exists():
        return False
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with (
            contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source,
            contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as target,
        ):
            if not is_created(source, path):
                return False
            # The open transaction holds the snapshot; without it, every commit would begin the copy anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(
                target,
                pages=_PAGES_AT_A_TIME,
                progress=lambda _, left, total: progress(total - left, total),
                sleep=0,
            )
            source.execute("COMMIT")
    except sqlite3.Error as error:
        raise error_of(path, error) from error
    return True


def pieces_of(file: Path) -> Iterator[bytes]:
    """Yield a file in parts."""
    with file.open("rb") as opened:
        while data := opened.read(PIECE_BYTES):
            yield data


def check_free(path: Path) -> None:
    """Raise Rejected `restore_not_empty` when the store holds anything."""
    if path.exists() and path.stat().st_size:
        raise Rejected(f"{path} holds data already", code="restore_not_empty", place=str(path))


def put_in_place(path: Path, copy: Path) -> None:
    """Check a restored file and make it the store's; whatever stood there is gone.

    No program may have the store open. Raises Rejected `restore_inconsistent`.
    """
    try:
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as file:
            verdict = str(file.execute("PRAGMA quick_check(1)").fetchone()[0])
            if verdict == "ok" and not is_created(file, copy):
                verdict = "not a time series of OxyWatch"
    except (sqlite3.Error, Permanent) as error:
        verdict = str(error)
    if verdict != "ok":
        message = f"the restored time series is damaged: {verdict}"
        raise Rejected(message, code="restore_inconsistent", detail=verdict)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.replace(copy, path)
