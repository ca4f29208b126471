"""Two ways to hand lines to InfluxDB: `/write` of 1.x, and `/api/v2/write` by influxdb-client."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import httpx
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from telemetry.influx_errors import answer_error, reason_in, unreachable, write_error
from telemetry.settings import InfluxSettings

# The fastest level; the higher ones cost twice as much processor time for little.
GZIP_LEVEL = 1
_CONNECTIONS = 2


class LineWriter(Protocol):
    """Sends lines whose times are µs."""

    async def write(self, lines: bytes) -> None:
        """Return when the server has answered 204. Raises Retryable, Permanent or Rejected."""
        ...

    async def close(self) -> None:
        """Release connections; safe to repeat."""
        ...


class V1Writer:
    """Writes by `POST /write`, which every 1.x has."""

    def __init__(self, settings: InfluxSettings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._gzip = settings.gzip
        self._url = settings.url
        self._params = {"db": settings.database or "", "precision": "u"}
        if settings.retention_policy:
            self._params["rp"] = settings.retention_policy

    async def write(self, lines: bytes) -> None:
        """See LineWriter."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._gzip:
            lines = gzip.compress(lines, GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        try:
            answer = await self._client.post("/write", params=self._params, content=lines, headers=headers)
        except httpx.HTTPError as error:
            raise unreachable(self._url, error) from error
        fault = write_error(answer.status_code, answer.text, answer.headers.get("Retry-After"))
        if fault:
            raise fault

    async def close(self) -> None:
        """See LineWriter; the client belongs to the store."""


class V2Writer:
    """Writes by influxdb-client, whose calls block, in threads of its own."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._client = v2_client(settings)
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="influx-write")

    async def write(self, lines: bytes) -> None:
        """See LineWriter."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._write, lines)

    def _write(self, lines: bytes) -> None:
        settings = self._settings
        try:
            _, status, _ = self._service.post_write_with_http_info(  # type: ignore[no-untyped-call]
                org=settings.org,
                bucket=settings.bucket,
                body=lines,
                precision="us",
                content_type="text/plain; charset=utf-8",
            )
        except ApiException as answer:
            raise v2_write_error(settings, answer) from answer
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(settings.url, error) from error
        except UnicodeDecodeError as error:  # influxdb-client reads every body as UTF-8
            raise unreachable(settings.url, urllib3.exceptions.ResponseError(error)) from error
        fault = write_error(status, "")
        if fault:
            raise fault

    async def close(self) -> None:
        """See LineWriter."""
        self._threads.shutdown(wait=False)
        await asyncio.to_thread(self._client.close)


def v2_client(settings: InfluxSettings) -> InfluxDBClient:
    """Return influxdb-client's blocking client; it connects at its first call."""
    return InfluxDBClient(
        url=settings.url,
        token=settings.read_token(),
        org=settings.org or "",
        timeout=round(settings.timeout_s * 1000),
        enable_gzip=settings.gzip,
        ssl_ca_cert=str(settings.ca_file) if settings.ca_file else None,
    )


def v2_write_error(settings: InfluxSettings, answer: ApiException) -> Exception:
    """Return what to raise when influxdb-client's write was not answered with success."""
    if not answer.status:
        return _tls_failure(settings, answer)
    headers: Mapping[str, str] = answer.headers or {}
    return write_error(answer.status, answer.body or "", headers.get("Retry-After")) or answer


def v2_setup_error(settings: InfluxSettings, answer: ApiException) -> Exception:
    """Return what to raise when another call of influxdb-client was not answered with success."""
    if not answer.status:
        return _tls_failure(settings, answer)
    return answer_error(answer.status, reason_in(answer.body or ""))


def _tls_failure(settings: InfluxSettings, answer: ApiException) -> Exception:
    """Return what to raise for the one error that influxdb-client raises without a status."""
    return unreachable(settings.url, urllib3.exceptions.SSLError(answer.reason))
