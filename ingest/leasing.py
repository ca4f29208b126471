"""Serving shards while their leases are held: any number of processes share them out among each other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from broker_link.settings import BrokerSettings
from ingest.service import Ingest
from ingest.settings import IngestSettings
from oxygen.errors import OxyWatchError
from records.database import Database
from records.leases import EVERY_SHARD, Claim, Lease, Time, fenced, shards, work_while_held
from telemetry.contract import TelemetryStore

SERVICE = "ingest"
_log = structlog.get_logger(__name__)


class ShardHost:
    """One process serving the shards that it holds."""

    def __init__(
        self,
        settings: IngestSettings,
        database: Database,
        store: TelemetryStore,
        broker: BrokerSettings,
        *,
        now_us: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `run` serves."""
        self._settings = settings
        self._database = database
        self._store = store
        self._broker = broker
        self._now_us = now_us
        self._time = Time(monotonic, sleep)
        self._places = asyncio.Semaphore(settings.most_shards)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises as `Ingest.run`; a fault in one shard ends the process."""
        known: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                for shard in sorted(set(await self._wanted()) - known):
                    known.add(shard)
                    group.create_task(self._hold(shard, stop), name=f"shard {shard}")
                if EVERY_SHARD not in self._settings.shards:
                    return
                await self._look_again(stop)

    async def _wanted(self) -> tuple[str, ...]:
        settings = self._settings
        if EVERY_SHARD not in settings.shards:
            return settings.shards or (settings.shard,)
        try:
            async with self._database.read() as tx:
                return tuple(await shards(tx))
        except OxyWatchError as error:
            _log.warning("shards cannot be read yet", problem=str(error))
            return ()

    async def _look_again(self, stop: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(stop.wait())
        pausing = asyncio.ensure_future(self._time.sleep(self._settings.registry_every_s))
        await asyncio.wait({waiting, pausing}, return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, pausing):
            task.cancel()

    async def _hold(self, shard: str, stop: asyncio.Event) -> None:
        claim = Claim(shard, SERVICE, self._settings.instance)

        async def serve(lease: Lease, ended: asyncio.Event) -> None:
            await self._ingest(shard, lease).run(ended)

        await work_while_held(
            self._database,
            claim,
            self._settings.lease,
            serve,
            stop=stop,
            time=self._time,
            places=self._places,
        )

    def _ingest(self, shard: str, lease: Lease) -> Ingest:
        return Ingest(
            self._settings.model_copy(update={"shard": shard}),
            fenced(self._database, lease),
            self._store,
            self._broker,
            now_us=self._now_us,
            sleep=self._time.sleep,
            lease_token=lease.token,
        )
