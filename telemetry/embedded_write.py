"""The one writing thread of the embedded store: whatever waits is committed together."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from oxygen.errors import OxyWatchError, Permanent, Rejected
from telemetry.contract import Point
from telemetry.embedded_errors import error_of
from telemetry.embedded_schema import Catalogue, create_tables, is_created, upsert
from telemetry.validation import faults_of, rejected

Connect = Callable[..., sqlite3.Connection]

MAX_POINTS_PER_COMMIT = 20_000
"""Points of waiting calls that join one transaction; a single larger call stays whole."""

WAL_LIMIT_BYTES = 64 * 1024 * 1024


class _Job(msgspec.Struct, eq=False):
    """One caller's points and where to tell the outcome: None, or the error to raise."""

    points: Sequence[Point]
    done: Future[None]


class EmbeddedWriter:
    """Owns the writing connection and its thread; both begin with the first write."""

    def __init__(self, path: Path, *, busy_timeout_s: float, connect: Connect) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._connect = connect
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._catalogue: Catalogue | None = None

    async def write(self, points: Sequence[Point]) -> None:
        """Return when the points are on the disk. Raises as TelemetryStore.write does.

        No points make the file and its tables, when they are missing, and nothing else.
        """
        if self._closed:
            raise Permanent(
                f"{self._path}: the store is closed", code="telemetry_closed", path=str(self._path)
            )
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="telemetry-write", daemon=True)
            self._thread.start()
        job = _Job(points, Future())
        self._jobs.put(job)
        await asyncio.wrap_future(job.done)

    async def close(self) -> None:
        """Commit what waits, then close the file; safe to repeat."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        """Commit group after group until closed; the caller of each job gets its outcome or its error."""
        more = True
        while more:
            jobs, more = self._take()
            jobs = [job for job in jobs if job.done.set_running_or_notify_cancel()]
            if jobs:
                self._settle(jobs)
        self._drop_connection()

    def _take(self) -> tuple[list[_Job], bool]:
        """Wait for a job, then add those that wait already; False when the store is being closed."""
        jobs: list[_Job] = []
        count = 0
        job = self._jobs.get()
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                count += len(job.points)
                if count >= MAX_POINTS_PER_COMMIT:
                    return jobs, True
                job = self._jobs.get_nowait()
        return jobs, job is not None

    def _settle(self, jobs: Sequence[_Job]) -> None:
        try:
            refusals = self._commit([job.points for job in jobs])
        except (sqlite3.Error, OxyWatchError) as error:
            self._drop_connection()
            for job in jobs:
                job.done.set_exception(
                    error_of(self._path, error) if isinstance(error, sqlite3.Error) else error
                )
        except Exception as error:  # noqa: BLE001  every caller gets it; the thread must live on for the next
            self._drop_connection()
            for job in jobs:
                job.done.set_exception(error)
        else:
            for job, refusal in zip(jobs, refusals, strict=True):
                if refusal is None:
                    job.done.set_result(None)
                else:
                    job.done.set_exception(refusal)

    def _commit(self, batches: Sequence[Sequence[Point]]) -> list[Rejected | None]:
        """Store all batches in one transaction; return one refusal or None for each."""
        connection, catalogue = self._open()
        connection.execute("BEGIN IMMEDIATE")
        catalogue.refresh()
        faults = [_store(connection, catalogue, points) for points in batches]
        connection.execute("COMMIT")
        return [rejected(found) if found else None for found in faults]

    def _open(self) -> tuple[sqlite3.Connection, Catalogue]:
        """Return the connection, opened and its tables made when that is still to be done."""
        if self._connection is None or self._catalogue is None:
            connection = self._connection = self._connect(
                self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL loses commits in a power cut
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
            connection.execute("BEGIN IMMEDIATE")
            if not is_created(connection, self._path):
                create_tables(connection)
            connection.execute("COMMIT")
            self._catalogue = Catalogue(connection)
        return self._connection, self._catalogue

    def _drop_connection(self) -> None:
        """Close the connection, which rolls back; the next group opens another."""
        connection, self._connection, self._catalogue = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _store(connection: sqlite3.Connection, catalogue: Catalogue, points: Sequence[Point]) -> dict[int, str]:
    """Store the good points within the caller's transaction; return index -> reason of the others."""
    faults = faults_of(points)
    good: list[Point] = []
    for index, point in enumerate(points):
        if index in faults:
            continue
        if catalogue.conflicts(point):
            faults[index] = "type_conflict"
        else:
            catalogue.add_columns(point)
            good.append(point)
    for (measurement, names), alike in itertools.groupby(good, lambda p: (p.measurement, tuple(p.fields))):
        rows = [(catalogue.series(point), point.t_us, *point.fields.values()) for point in alike]
        connection.executemany(upsert(measurement, names), rows)
    return faults
