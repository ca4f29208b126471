"""Opening the databases that programs share, and closing them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from oxygen.errors import Retryable
from oxywatch.settings import CentreSettings
from records.database import Database
from telemetry import InfluxSettings, open_store
from telemetry.contract import TelemetryStore

_log = structlog.get_logger(__name__)

RETRY_S = 1.0


@contextlib.asynccontextmanager
async def records(settings: CentreSettings, stop: asyncio.Event) -> AsyncIterator[Database]:
    """Yield the relational database at its newest schema; waits for one that is not there yet.

    Raises Permanent when it can never be used as configured.
    """
    database = settings.records.open()
    try:
        while not stop.is_set():
            try:
                await database.migrate()
                break
            except Retryable as error:
                _log.warning("records are not there yet", problem=str(error))
                await asyncio.sleep(RETRY_S)
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def time_series(settings: CentreSettings, *, readonly: bool) -> AsyncIterator[TelemetryStore]:
    """Yield the time-series store; whoever writes has its database made if it can be reached."""
    if not readonly and isinstance(settings.telemetry, InfluxSettings):
        from telemetry.influx_setup import ensure_database  # noqa: PLC0415

        try:
            await ensure_database(settings.telemetry)
        except Retryable as error:
            _log.warning("InfluxDB is not there yet", problem=str(error))
    store = open_store(settings.telemetry, readonly=readonly)
    try:
        yield store
    finally:
        await store.close()
