"""The store on an InfluxDB server: writes line protocol, reads InfluxQL."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import httpx

from oxygen.errors import BadConfiguration, Permanent, Rejected
from telemetry.contract import Bucket, Point, Row, Selection
from telemetry.influx_read import InfluxReader
from telemetry.influx_write import LineWriter, V1Writer, V2Writer
from telemetry.line_protocol import encode
from telemetry.settings import InfluxSettings
from telemetry.validation import faults_of, rejected

POINTS_PER_REQUEST = 5000
"""Above this the server gains no speed, and a refused batch costs the caller more to bisect."""


class InfluxStore:
    """A TelemetryStore on InfluxDB; safe to use from many tasks of one event loop."""

    def __init__(self, writer: LineWriter | None, reader: InfluxReader, client: httpx.AsyncClient) -> None:
        """Take the parts; without a writer every write is refused."""
        self._writer = writer
        self._reader = reader
        self._client = client

    async def write(self, points: Sequence[Point]) -> None:
        """See TelemetryStore. Points that no store takes are named by index; InfluxDB itself names none."""
        if self._writer is None:
            raise Permanent("opened for reading only", code="telemetry_read_only")
        faults = faults_of(points)
        good = [point for i, point in enumerate(points) if i not in faults] if faults else points
        refusal: Rejected | None = None
        for start in range(0, len(good), POINTS_PER_REQUEST):
            try:
                await self._writer.write(encode(good[start : start + POINTS_PER_REQUEST]))
            except Rejected as error:
                refusal = error
        if refusal:
            raise refusal
        if faults:
            raise rejected(faults)

    async def rows(self, selection: Selection, *, fields: Sequence[str] = ()) -> AsyncIterator[Row]:
        """See TelemetryStore."""
        async with aclosing(self._reader.rows(selection, fields)) as rows:
            async for row in rows:
                yield row

    async def buckets(self, selection: Selection, field: str, step_us: int) -> list[Bucket]:
        """See TelemetryStore."""
        return await self._reader.buckets(selection, field, step_us)

    async def latest(self, measurement: str, where: Mapping[str, str]) -> Row | None:
        """See TelemetryStore."""
        return await self._reader.latest(measurement, where)

    async def close(self) -> None:
        """See TelemetryStore."""
        if self._writer:
            await self._writer.close()
        await self._client.aclose()


def open_influx(settings: InfluxSettings, *, readonly: bool = False) -> InfluxStore:
    """Return the store that `settings` describe; it connects at its first use. Raises BadConfiguration."""
    client = http_client(settings)
    writer: LineWriter | None = None
    if not readonly:
        writer = V1Writer(settings, client) if settings.api == "v1" else V2Writer(settings)
    return InfluxStore(writer, InfluxReader(settings, client), client)


def http_client(settings: InfluxSettings) -> httpx.AsyncClient:
    """Return an HTTP client with the address, account and limits of `settings`. Raises BadConfiguration."""
    headers = {"Authorization": f"Token {settings.read_token()}"} if settings.api == "v2" else {}
    auth = (settings.username, settings.read_password()) if settings.username else None
    return httpx.AsyncClient(
        base_url=settings.url,
        headers=headers,
        auth=auth,
        timeout=settings.timeout_s,
        verify=_authorities(settings),
        trust_env=False,  # a proxy for the internet is not the way to the database
    )


def _authorities(settings: InfluxSettings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadConfiguration(
            file=str(settings.ca_file),
            line=None,
            key="telemetry.ca_file",
            found=str(error),
            expected="a readable PEM file of certificates",
        ) from error
