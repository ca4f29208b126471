"""The one contract that every time-series store keeps; see tests/telemetry for the suite that proves it.

A point is one measurement of one thing at one instant. Writing the same (measurement, tags, time) again
leaves one point, its fields replaced by the later ones: that is what makes a retry after an ambiguous
time-out harmless.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

FieldValue = float | int | str | bool

RAW = "raw"
"""Samples as read. Tags `subject`, `facility`, `gateway`; fields `epoch`, `boot` (text), `seq`, `mono_us`
(integer) and, for every signal, NAME (float), NAME_quality, NAME_reason (text), NAME_raw (float). A float
that was null is left out."""

DERIVED = "derived"
"""What the engine made of a sample, same subject and time. Tags `subject`, `facility`; fields of
`ingest.derived_point`."""

GATEWAY = "gateway"
"""A gateway's health every 10 s. Tags `gateway`, `facility`."""

INGEST = "ingest"
"""Ingest's own counters every 10 s. Tag `instance`."""


class Point(msgspec.Struct, frozen=True):
    """One point to write.

    Attributes:
        measurement: One of the constants above. This and all names are `[a-z][a-z0-9_]*` and not `time`.
        tags: Names and values; together with the measurement they make a series, in any order. A value
            is not empty, holds no control character and does not end with a backslash. No tag shares its name
            with a field.
        t_us: µs since 1970 UTC.
        fields: At least one. Floats are finite, integers fit into 64 bits, text into 64 KiB. A name keeps its
            type for ever: 1 is not 1.0. (InfluxDB holds this within a week's shard only.)
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    t_us: int
    fields: Mapping[str, FieldValue]


class Row(msgspec.Struct, frozen=True):
    """One stored point of a series, as read back; a field that was not written is absent from `fields`."""

    t_us: int
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]


class Selection(msgspec.Struct, frozen=True):
    """Which points to read: a measurement, exact tag values, and [since_us, until_us)."""

    measurement: str
    where: Mapping[str, str]
    since_us: int
    until_us: int


class Bucket(msgspec.Struct, frozen=True):
    """One field over one step of time; buckets without values are left out, never zero-filled.

    Attributes:
        t_us: Start of the step; steps are aligned to `since_us` of the selection.
        minimum, mean, maximum: Over the values in the step.
        count: How many values there were.
    """

    t_us: int
    minimum: float
    mean: float
    maximum: float
    count: int


class TelemetryStore(Protocol):
    """A time-series store. One writer process; any number of readers, also while it writes."""

    async def write(self, points: Sequence[Point]) -> None:
        """Store all points durably; returning is the confirmation (InfluxDB 204, SQLite commit).

        Raises:
            Retryable: Nobody knows whether it was stored, or the store is down; the same call may be
                repeated, after `params["retry_after_s"]` when the server named a pause.
            Permanent: Database missing or access refused; hold the data and alarm.
            Rejected: The store refuses some of the points. When it can be told which, `params["points"]`
                lists their indices, `params["reasons"]` a code for each, and the others are stored. The
                caller bisects when the list is absent.
        """
        ...

    def rows(self, selection: Selection, *, fields: Sequence[str] = ()) -> AsyncIterator[Row]:
        """Yield stored points ascending by time, all fields or the named ones; streams, bounded memory.

        A point that has none of the named fields is left out.

        Raises Retryable when the store is down, Permanent when it is missing or access is refused.
        """
        ...

    async def buckets(self, selection: Selection, field: str, step_us: int) -> list[Bucket]:
        """Return minimum, mean and maximum of a numeric field per step, ascending.

        Empty when there are no values, or when the field holds text or truth values. `step_us` is positive.

        Raises Retryable when the store is down, Permanent when it is missing or access is refused.
        """
        ...

    async def latest(self, measurement: str, where: Mapping[str, str]) -> Row | None:
        """Return the newest point of the selection with all its fields, or None. Raises as `rows`."""
        ...

    async def close(self) -> None:
        """Release connections and files; safe to repeat."""
        ...
