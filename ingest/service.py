"""Wiring of ingest: what runs, on what, and in which order it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from broker_link.session import Session
from broker_link.settings import BrokerSettings
from ingest.acknowledging import AckDesk
from ingest.backfill import Backfill
from ingest.day_desk import DayDesk
from ingest.fleet_desk import FleetDesk
from ingest.health import Health
from ingest.ledger import Book
from ingest.ledger_keeper import LedgerKeeper
from ingest.letter_desk import LetterDesk
from ingest.outcomes import StoreOutcomes
from ingest.pipeline import Desks, Pipeline
from ingest.receiver import Receiver, subscriptions
from ingest.recovery import read_checkpoints, read_ledgers, read_view, refold
from ingest.registry_view import RegistryView
from ingest.replay import Parts, Replayer
from ingest.settings import IngestSettings
from ingest.shard import Shard
from ingest.status_desk import StatusDesk
from ingest.store_writer import StoreWriter
from ingest.validation import Bounds
from oxygen.errors import OxyWatchError, Retryable
from records import registry as registry_records
from records import status as status_records
from records.database import Database
from telemetry.contract import TelemetryStore

_log = structlog.get_logger(__name__)


class Ingest:
    """One process serving one shard.

    Raises, from `run`: Permanent when the records cannot be used at all, LeaseLost (in a group) when another
    process serves the shard by now. A fault in any part ends the process, which its supervisor starts again.
    """

    def __init__(
        self,
        settings: IngestSettings,
        database: Database,
        store: TelemetryStore,
        broker: BrokerSettings,
        *,
        now_us: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        lease_token: int = 0,
    ) -> None:
        """Wire the parts together; nothing runs yet.

        `database` is fenced by the lease on the shard, `lease_token` its token; 0 serves without a lease.
        """
        self._settings = settings
        self._database = database
        self._store = store
        self._now_us = now_us
        self._sleep = sleep
        self._lease_token = lease_token
        self._shard: Shard | None = None
        self._session = Session(
            broker,
            client_id=f"ingest-{settings.shard}-{settings.instance}",
            subscriptions=subscriptions(settings.shard),
            inbox_size=settings.queue_batches,
            sleep=sleep,
        )
        self._wire()

    def shard(self) -> Shard:
        """Return the state in memory; only after recovery."""
        if self._shard is None:
            raise RuntimeError("ingest has not recovered its state yet")
        return self._shard

    def _wire(self) -> None:
        settings, database, sleep = self._settings, self._database, self._sleep
        self._acks = AckDesk(
            self._session, self._book, sleep=sleep, lease_token=self._lease_token, now_us=self._now_us
        )
        self._letters = LetterDesk(
            database,
            self._book,
            self._acks,
            now_us=self._now_us,
            retry_s=settings.retry_first_s,
            sleep=sleep,
        )
        self._writer = StoreWriter(
            self._store,
            StoreOutcomes(self._book, self._acks, self._letters),
            buffer_points=settings.buffer_points,
            batch_points=settings.write_batch_points,
            retry_first_s=settings.retry_first_s,
            retry_cap_s=settings.retry_cap_s,
            sleep=sleep,
        )
        self._statuses = StatusDesk(
            database,
            self._session,
            self.shard,
            name=settings.shard,
            every_s=settings.status_every_s,
            flush_s=settings.status_flush_s,
            retry_s=settings.retry_first_s,
            sleep=sleep,
        )
        self._days = DayDesk(
            database,
            self.shard,
            every_s=settings.days_every_s,
            retry_s=settings.retry_first_s,
            sleep=sleep,
        )
        self._keeper = LedgerKeeper(
            database,
            self._acks,
            self.shard,
            save_every_s=settings.ledger_every_s,
            request_after_s=settings.request_after_s,
            sleep=sleep,
        )

    def _book(self) -> Book:
        return self.shard().book

    async def run(self, stop: asyncio.Event) -> None:
        """Recover, serve until `stop` is set, then write down what is in memory."""
        self._shard = await self._recovered()
        settings, shard = self._settings, self.shard()
        bounds = Bounds.of(settings.future_tolerance_s, settings.oldest_days)
        desks = Desks(self._writer, self._letters, self._statuses, self._days, self._acks)
        pipeline = Pipeline(shard, desks, bounds)
        parts = Parts(self._database, self._store, self._writer, pipeline, self._statuses, self._days)
        replayer = Replayer(parts, self.shard, patience_s=settings.late_patience_s, sleep=self._sleep)
        health = Health(
            self._session,
            self._writer,
            pipeline.counters,
            self.shard,
            instance=settings.instance,
            every_s=settings.health_every_s,
            sleep=self._sleep,
        )
        backfill = Backfill(
            self._database,
            pipeline,
            self._writer,
            replayer,
            self.shard,
            name=settings.shard,
            worker=settings.instance,
            every_s=settings.work_every_s,
            sleep=self._sleep,
        )
        fleet = FleetDesk(self._database, self.shard, every_s=settings.fleet_every_s, sleep=self._sleep)
        receiver = Receiver(self._session, pipeline, self._letters, health, self._now_us, fleet)
        async with self._session:
            loops = [
                receiver.run(),
                self._writer.run(),
                self._acks.run(),
                self._letters.run(),
                self._statuses.run_flush(),
                self._statuses.run_ticks(),
                self._days.run(),
                self._keeper.run_saves(),
                self._keeper.run_requests(),
                replayer.run(),
                backfill.run(),
                health.run(),
                fleet.run(),
                self._follow_registry(),
            ]
            await _until_stopped(loops, stop)
        await self._write_down()

    async def _recovered(self) -> Shard:
        while True:
            try:
                view = await read_view(self._database, self._settings.shard)
                ledgers = await read_ledgers(self._database)
                checkpoints = await read_checkpoints(self._database)
                async with self._database.read() as tx:
                    latest = await status_records.latest_statuses(tx)
            except Retryable as error:
                _log.warning("records cannot be read yet", problem=str(error))
                await self._sleep(self._settings.retry_first_s)
                continue
            shard = Shard(view, ledgers, checkpoints, self._now_us)
            await refold(shard, self._store)
            self._statuses.start_from([row.status for row in latest])
            _log.info("ingest ready", shard=self._settings.shard, tanks=len(view.tanks))
            return shard

    async def _follow_registry(self) -> None:
        while True:
            await self._sleep(self._settings.registry_every_s)
            try:
                view = await self._newer_view()
            except OxyWatchError as error:
                _log.warning("registry cannot be read yet", problem=str(error))
                continue
            if view is not None:
                self.shard().replace_view(view)

    async def _newer_view(self) -> RegistryView | None:
        async with self._database.read() as tx:
            version = await registry_records.registry_version(tx)
        if version == self.shard().view.version:
            return None
        return await read_view(self._database, self._settings.shard)

    async def _write_down(self) -> None:
        """Save what can be saved; what cannot is worked out again at the next start."""
        try:
            await self._days.write()
            await self._keeper.save()
        except OxyWatchError as error:
            _log.warning("state could not be saved at the end", problem=str(error))


async def _until_stopped(loops: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run endless loops until stopped; the first that fails takes the others down and is raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_as_coroutine(loop)) for loop in loops]
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _as_coroutine(loop: Awaitable[None]) -> None:
    await loop
