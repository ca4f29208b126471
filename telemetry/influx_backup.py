"""InfluxDB's points as line protocol, which any InfluxDB takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple

from oxygen.errors import Rejected, Retryable
from telemetry.contract import Point, Selection
from telemetry.influx import http_client
from telemetry.influx_query import Question
from telemetry.influx_read import InfluxReader
from telemetry.influx_setup import ensure_database
from telemetry.influx_write import LineWriter, V1Writer, V2Writer
from telemetry.line_protocol import encode
from telemetry.settings import InfluxSettings
from telemetry.validation import MAX_T_US, MIN_T_US, is_name

POINTS_PER_PIECE = 5000
TRIES = 8

Sleep = Callable[[float], Awaitable[None]]


class Lines(NamedTuple):
    """Some points of a measurement, one line each, times in µs."""

    points: int
    data: bytes


async def export(settings: InfluxSettings) -> AsyncGenerator[Lines]:
    """Yield every point that was stored when its measurement's turn came; later ones perhaps.

    Raises Retryable, Permanent.
    """
    async with http_client(settings) as client:
        reader = InfluxReader(settings, client)
        for measurement in await _measurements(reader):
            points: list[Point] = []
            selection = Selection(measurement, {}, MIN_T_US, MAX_T_US + 1)
            async with aclosing(reader.rows(selection, ())) as rows:
                async for row in rows:
                    points.append(Point(measurement, tuple(row.tags.items()), row.t_us, row.fields))
                    if len(points) == POINTS_PER_PIECE:
                        yield Lines(len(points), encode(points))
                        points = []
            if points:
                yield Lines(len(points), encode(points))


async def prepare(settings: InfluxSettings, *, replace: bool) -> None:
    """Make the database if it is missing, and see that it is empty, or empty it.

    Raises Rejected `restore_not_empty`, Retryable, Permanent.
    """
    await ensure_database(settings)
    async with http_client(settings) as client:
        reader = InfluxReader(settings, client)
        found = await _measurements(reader)
        if found and not replace:
            place = f"{settings.url} {settings.query_database}"
            message = f"{place} holds {', '.join(found)}"
            raise Rejected(message, code="restore_not_empty", place=place)
        for measurement in found:
            async for _ in reader.ask(Question(f'DROP MEASUREMENT "{measurement}"')):
                pass


async def load(
    settings: InfluxSettings, pieces: AsyncIterator[bytes], *, sleep: Sleep = asyncio.sleep
) -> int:
    """Write pieces of lines and return how many pieces there were. Raises Retryable, Permanent, Rejected."""
    count = 0
    async with http_client(settings) as client:
        writer: LineWriter = V1Writer(settings, client) if settings.api == "v1" else V2Writer(settings)
        try:
            async for lines in pieces:
                await write_patiently(writer, lines, sleep)
                count += 1
        finally:
            await writer.close()
    return count


async def write_patiently(writer: LineWriter, lines: bytes, sleep: Sleep) -> None:
    """Write again and again: the same lines twice are the same points."""
    for attempt in range(TRIES):
        try:
            return await writer.write(lines)
        except Retryable:
            if attempt == TRIES - 1:
                raise
            await sleep(min(30.0, 0.5 * 2**attempt))
    return None


async def _measurements(reader: InfluxReader) -> list[str]:
    tables = [series async for series in reader.ask(Question("SHOW MEASUREMENTS"))]
    names = [str(row[0]) for series in tables for row in series.values]
    return sorted(name for name in names if is_name(name))
