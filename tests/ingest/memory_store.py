"""A time-series store in memory that keeps the contract, and fails as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from oxygen.errors import OxyWatchError
from telemetry.contract import Bucket, FieldValue, Point, Row, Selection
from telemetry.validation import faults_of, rejected

Key = tuple[str, frozenset[tuple[str, str]], int]


class MemoryStore:
    """A TelemetryStore of plain dictionaries.

    Attributes:
        error: Raised by every write while set; nothing is stored then.
        read_error: Raised by every read while set.
        refuses: Tells which points are refused; the others of a request are stored, as InfluxDB does.
        names_refused: Whether a refusal says which points it means.
        writes: Requests that were answered with success.
        rows_read: Rows that readers took.
    """

    def __init__(self) -> None:
        self.error: OxyWatchError | None = None
        self.read_error: OxyWatchError | None = None
        self.refuses: Callable[[Point], bool] = lambda point: False
        self.names_refused = True
        self.writes = 0
        self.rows_read = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._points: dict[Key, dict[str, FieldValue]] = {}

    async def write(self, points: Sequence[Point]) -> None:
        await self.gate.wait()
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        faults = faults_of(points)
        for index, point in enumerate(points):
            if self.refuses(point):
                faults[index] = "beyond_retention"
            elif index not in faults:
                key = (point.measurement, frozenset(point.tags), point.t_us)
                self._points.setdefault(key, {}).update(point.fields)
        if faults:
            refusal = rejected(faults)
            if not self.names_refused:
                refusal.params = {}
            raise refusal
        self.writes += 1

    async def rows(self, selection: Selection, *, fields: Sequence[str] = ()) -> AsyncIterator[Row]:
        if self.read_error is not None:
            raise self.read_error
        for row in self.all_rows(selection):
            if self.read_error is not None:
                raise self.read_error
            await asyncio.sleep(0)
            self.rows_read += 1
            yield row

    def all_rows(self, selection: Selection) -> list[Row]:
        """Return the selected points at once."""
        found = [
            Row(t_us, dict(tags), dict(stored))
            for (measurement, tags, t_us), stored in self._points.items()
            if measurement == selection.measurement
            and selection.since_us <= t_us < selection.until_us
            and set(selection.where.items()) <= tags
        ]
        return sorted(found, key=lambda row: row.t_us)

    def of(self, measurement: str, **where: str) -> list[Row]:
        """Return every point of a measurement."""
        return self.all_rows(Selection(measurement, where, -(2**62), 2**62))

    def forget_before(self, t_us: int) -> None:
        """Lose everything older, as a retention policy would."""
        self._points = {key: fields for key, fields in self._points.items() if key[2] >= t_us}

    async def buckets(self, selection: Selection, field: str, step_us: int) -> list[Bucket]:
        raise NotImplementedError

    async def latest(self, measurement: str, where: Mapping[str, str]) -> Row | None:
        rows = self.all_rows(Selection(measurement, where, -(2**62), 2**62))
        return rows[-1] if rows else None

    async def close(self) -> None:
        return None
