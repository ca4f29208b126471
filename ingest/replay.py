"""Working the past out again: restore a checkpoint, fold the stored samples, replace what was derived.

Samples that came too late for the reorder window are stored like any other but mean nothing until then. A
replay waits until the gateway's gap has closed, or for as long as patience lasts, and ends in the same rows
as if every sample had come in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from typing import NamedTuple

import structlog

from ingest.arrival import Arrival
from ingest.day_desk import DayDesk
from ingest.pipeline import Pipeline
from ingest.points import arrival_from_row
from ingest.shard import Shard
from ingest.status_desk import StatusDesk
from ingest.store_writer import StoreWriter
from ingest.subject_engine import Checkpoint, LateSpan, SubjectEngine, Worked
from oxygen import daily, engine
from oxygen.daily import DayFigures
from oxygen.engine import TankState
from oxygen.errors import Retryable
from oxygen.units import US_PER_DAY, US_PER_S
from records import status as status_records
from records.database import Database
from telemetry.contract import RAW, Selection, TelemetryStore

_log = structlog.get_logger(__name__)

CHECKPOINTS_KEPT_US = 7 * US_PER_DAY
BREATH_EVERY_ROWS = 50
LOOK_EVERY_S = 0.5


class Parts(NamedTuple):
    """What a replay works with."""

    database: Database
    store: TelemetryStore
    writer: StoreWriter
    pipeline: Pipeline
    statuses: StatusDesk
    days: DayDesk


class _Folded(NamedTuple):
    state: TankState
    days: list[DayFigures]
    checkpoints: list[Checkpoint]


class Replayer:
    """Looks for subjects whose past is dirty and works it out again, one at a time."""

    def __init__(
        self,
        parts: Parts,
        shard: Callable[[], Shard],
        *,
        patience_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` looks and replays."""
        self._parts = parts
        self._shard = shard
        self._patience_us = round(patience_s * US_PER_S)
        self._sleep = sleep

    async def run(self) -> None:
        """Replay what is due, until cancelled."""
        while True:
            for subject, engine_of in list(self._shard().engines.items()):
                if self._is_due(subject, engine_of):
                    await self.replay(subject)
            await self._sleep(LOOK_EVERY_S)

    def clean_for(self, gateways: Container[str]) -> bool:
        """Tell whether no subject of these gateways has a dirty past."""
        shard = self._shard()
        return all(
            shard.engines[subject].dirty_from_us is None
            for subject, entry in shard.view.tanks.items()
            if entry.gateway in gateways
        )

    def _is_due(self, subject: str, subject_engine: SubjectEngine) -> bool:
        if subject_engine.late is None:
            return False
        shard = self._shard()
        gateway = shard.view.tanks[subject].gateway
        if gateway is None:
            return True
        if gateway in shard.backfilling:
            return False
        ledgers = shard.book.of_gateway(gateway)
        if all(ledger.settled() for ledger in ledgers):
            return True
        waited = shard.now_us() - subject_engine.late_since_us > self._patience_us
        return waited and not any(ledger.held for ledger in ledgers)

    async def replay(self, subject: str) -> None:
        """Replay one subject; a store or records that fail leave it dirty for the next look."""
        subject_engine = self._shard().engines[subject]
        span = subject_engine.start_replay()
        try:
            folded = await self._fold(subject, subject_engine, span)
        except Retryable as error:
            _log.warning("replay put off", subject=subject, problem=str(error))
            subject_engine.abandon_replay(span, self._shard().now_us())
            return
        worked = subject_engine.finish_replay(folded.state)
        self._parts.pipeline.store_derived(subject, worked)
        if subject_engine.late is None:
            self._shard().keep_checkpoints(subject, folded.checkpoints)
        self._parts.days.put_replayed(subject, folded.days)
        self._parts.days.touch(subject, subject_engine.live)
        _log.info("worked the past out again", subject=subject, samples=folded.state.count)

    async def _fold(self, subject: str, subject_engine: SubjectEngine, span: LateSpan) -> _Folded:
        async with self._parts.database.read() as tx:
            saved = await status_records.latest_checkpoint(tx, subject, before_us=span.first_us)
        state = engine.load(saved.body) if saved else TankState()
        fold = _Fold(state, subject_engine, self._shard().now_us() - CHECKPOINTS_KEPT_US)
        selection = Selection(
            RAW, {"subject": subject}, saved.at_us if saved else 0, subject_engine.settled_until_us
        )
        rows = 0
        async for row in self._parts.store.rows(selection):
            worked = fold.take(arrival_from_row(row))
            if worked.arrival.t_us >= span.first_us:
                self._parts.pipeline.store_derived(subject, [worked])
            if span.first_us <= worked.arrival.t_us <= span.last_us:
                self._parts.statuses.consider_late(subject, fold.state, worked.arrival.t_us)
            rows += 1
            if rows % BREATH_EVERY_ROWS == 0:
                await self._sleep(0)
                await self._parts.writer.wait_for_room()
        return _Folded(fold.state, fold.days(), fold.checkpoints)


class _Fold:
    """Folds rows from the store and collects the days and checkpoints on the way."""

    def __init__(self, state: TankState, subject_engine: SubjectEngine, keep_from_us: int) -> None:
        self.state = state
        self.checkpoints: list[Checkpoint] = []
        self._engine = subject_engine
        self._keep_from_us = keep_from_us
        self._days: dict[str, DayFigures] = {}

    def take(self, arrival: Arrival) -> Worked:
        checkpoint, derived = self._engine.advance_settled(self.state, arrival)
        if checkpoint is not None and checkpoint.at_us >= self._keep_from_us:
            self.checkpoints.append(checkpoint)
        today = self.state.days[-1]
        self._days[today.day] = today
        return Worked(arrival, derived)

    def days(self) -> list[DayFigures]:
        return [daily.copy(figures) for figures in self._days.values()]
