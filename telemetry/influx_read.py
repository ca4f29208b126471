"""Reads from InfluxDB in InfluxQL over `/query`, the one way of reading that 1.x, 2.x and 3.x share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import httpx
import msgspec

from oxygen.errors import Rejected, Retryable
from telemetry import influx_query as influxql
from telemetry.contract import Bucket, Row, Selection
from telemetry.influx_errors import answer_error, named_error, reason_in, unreachable
from telemetry.influx_query import Question, Schema, Series
from telemetry.settings import InfluxSettings

CHUNK_ROWS = 2000
"""Rows in one document of the answer, which is what a reader holds in memory at a time."""

_NUMBERS = ("float", "integer", "unsigned")


class InfluxReader:
    """Asks and decodes; keeps the schema of each measurement it has seen."""

    def __init__(self, settings: InfluxSettings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._url = settings.url
        self._form = {"db": settings.query_database, "epoch": "u"}
        self._form |= {"chunked": "true", "chunk_size": str(CHUNK_ROWS)}
        if settings.retention_policy:
            self._form["rp"] = settings.retention_policy
        self._schemas: dict[str, Schema] = {}

    async def rows(self, selection: Selection, fields: Sequence[str]) -> AsyncGenerator[Row]:
        """Yield points as TelemetryStore.rows does."""
        question = influxql.rows(selection, fields)
        if selection.since_us >= selection.until_us:
            return
        async with aclosing(self.ask(question)) as tables:
            async for series in tables:
                schema = await self._schema(selection.measurement, series.columns)
                for row in influxql.rows_of(series, schema):
                    yield row

    async def latest(self, measurement: str, where: Mapping[str, str]) -> Row | None:
        """Return the newest point as TelemetryStore.latest does."""
        tables = [series async for series in self.ask(influxql.latest(measurement, where))]
        for series in tables:
            schema = await self._schema(measurement, series.columns)
            for row in influxql.rows_of(series, schema):
                return row
        return None

    async def buckets(self, selection: Selection, field: str, step_us: int) -> list[Bucket]:
        """Return the steps as TelemetryStore.buckets does."""
        question = influxql.buckets(selection, field, step_us)
        if selection.since_us >= selection.until_us:
            return []
        schema = await self._schema(selection.measurement, [field])
        if schema.types.get(field) not in _NUMBERS:
            return []
        return [bucket async for series in self.ask(question) for bucket in influxql.buckets_of(series)]

    async def ask(self, question: Question) -> AsyncGenerator[Series]:
        """Yield the tables of the answer as they arrive. Raises Retryable, Permanent or Rejected."""
        params = msgspec.json.encode(question.params).decode()
        form = self._form | {"q": question.text, "params": params}
        try:
            async with self._client.stream("POST", "/query", data=form) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise await _refusal(answer)
                async for document in _documents(answer):
                    for series in _series(document):
                        yield series
        except httpx.HTTPError as error:
            raise unreachable(self._url, error) from error

    async def _schema(self, measurement: str, columns: Sequence[str]) -> Schema:
        """Return the schema, asked anew when it does not know one of `columns`."""
        schema = self._schemas.get(measurement)
        unknown = schema is None or any(
            name not in schema.tags and name not in schema.types for name in columns if name != "time"
        )
        if schema is None or unknown:
            tags = [series async for series in self.ask(influxql.tag_keys(measurement))]
            fields = [series async for series in self.ask(influxql.field_keys(measurement))]
            schema = self._schemas[measurement] = influxql.schema_of(tags, fields)
        return schema


async def _documents(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the JSON documents of a chunked answer, one line each."""
    pending = bytearray()
    async for data in answer.aiter_bytes():
        searched = len(pending)
        pending += data
        while (end := pending.find(b"\n", searched)) >= 0:
            line = bytes(pending[:end])
            del pending[: end + 1]
            searched = 0
            if line.strip():
                yield line
    if pending.strip():
        yield bytes(pending)


def _series(document: bytes) -> list[Series]:
    """Return the tables of one document. Raises what the error in it means."""
    try:
        answer = msgspec.json.decode(document, type=influxql.Answer)
    except msgspec.DecodeError as error:
        message = f"InfluxDB's answer is cut off or is none: {error}"
        raise Retryable(message, code="telemetry_unreachable", reason=str(error)) from error
    reasons = [answer.error, *(result.error for result in answer.results)]
    reason = next((text for text in reasons if text), None)
    if reason:
        message = f"InfluxDB could not answer: {reason}"
        raise named_error(reason) or Retryable(message, code="telemetry_busy", reason=reason)
    return [series for result in answer.results for series in result.series]


async def _refusal(answer: httpx.Response) -> Exception:
    body = (await answer.aread()).decode("utf-8", "replace")
    reason = reason_in(body)
    if answer.status_code == httpx.codes.BAD_REQUEST and not named_error(reason):
        return Rejected(
            f"InfluxDB refused the question: {reason}", code="telemetry_query_rejected", reason=reason
        )
    return answer_error(answer.status_code, reason, answer.headers.get("Retry-After"))
