"""The store in one SQLite file: for one machine, read by other programs while one writes."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from oxygen.errors import Permanent
from telemetry.contract import Bucket, Point, Row, Selection
from telemetry.embedded_read import PAGE_ROWS, ReadPool, buckets_of, latest_of, rows_between
from telemetry.embedded_write import Connect, EmbeddedWriter


class EmbeddedStore:
    """A TelemetryStore in a SQLite file (WAL); nothing of it runs on the event loop's thread.

    A reading program needs write permission in the file's folder, for SQLite's shared-memory file.

    Args:
        path: The file; made at the first use unless `readonly`. Its folder must exist.
        readonly: Refuse writes with Permanent; reads before the file exists raise Retryable.
        busy_timeout_s: How long to wait for another program's lock.
        connect: Opens the file as sqlite3.connect does.
    """

    def __init__(
        self,
        path: Path,
        *,
        readonly: bool = False,
        busy_timeout_s: float = 10.0,
        connect: Connect = sqlite3.connect,
    ) -> None:
        self._writer: EmbeddedWriter | None = None
        if not readonly:
            self._writer = EmbeddedWriter(path, busy_timeout_s=busy_timeout_s, connect=connect)
        self._made = readonly
        self._pool = ReadPool(path, busy_timeout_s=busy_timeout_s, connect=connect)

    async def write(self, points: Sequence[Point]) -> None:
        """See TelemetryStore. Calls that wait at the same time share one commit."""
        if self._writer is None:
            raise Permanent("opened for reading only", code="telemetry_read_only")
        if points:
            await self._writer.write(points)
            self._made = True

    async def rows(self, selection: Selection, *, fields: Sequence[str] = ()) -> AsyncIterator[Row]:
        """See TelemetryStore. Points written meanwhile beyond the page last fetched are seen as well."""
        await self._make()
        rows = rows_between(self._pool, selection, fields)
        while page := await self._pool.run(lambda: list(itertools.islice(rows, PAGE_ROWS))):
            for row in page:
                yield row

    async def buckets(self, selection: Selection, field: str, step_us: int) -> list[Bucket]:
        """See TelemetryStore."""
        await self._make()
        pool = self._pool
        return await pool.run(lambda: buckets_of(pool.connection(), selection, field, step_us))

    async def latest(self, measurement: str, where: Mapping[str, str]) -> Row | None:
        """See TelemetryStore."""
        await self._make()
        pool = self._pool
        return await pool.run(lambda: latest_of(pool.connection(), measurement, where))

    async def close(self) -> None:
        """See TelemetryStore."""
        await self._pool.close()
        if self._writer is not None:
            await self._writer.close()

    async def _make(self) -> None:
        """Let a program that writes find its own new store empty rather than missing."""
        if self._writer is not None and not self._made:
            await self._writer.write(())
            self._made = True
