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
from ingest.checkpoints import Checkpoint
from ingest.day_desk import DayDesk
from ingest.pipeline import Pipeline
from ingest.shard import Shard
from ingest.status_desk import StatusDesk
from ingest.store_writer import LOOK_EVERY_S as BUFFER_LOOK_EVERY_S
from ingest.store_writer import StoreWriter
from ingest.stored import stored_arrivals
from ingest.subject_engine import DirtyPast, SubjectEngine, Worked
from oxygen import daily, engine
from oxygen.daily import DayFigures
from oxygen.engine import TankState
from oxygen.errors import OxyWatchError, Retryable
from oxygen.units import US_PER_DAY, US_PER_S
from records import status as status_records
from records.database import Database
from telemetry.contract import TelemetryStore

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
        retry_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` looks and replays."""
        self._parts = parts
        self._shard = shard
        self._patience_us = round(patience_s * US_PER_S)
        self._retry_s = retry_s
        self._sleep = sleep

    async def run(self) -> None:
        """Replay what is due, until cancelled."""
        while True:
            pause_s = LOOK_EVERY_S
            for subject, engine_of in list(self._shard().engines.items()):
                if self._is_due(subject, engine_of) and not await self.replay(subject):
                    pause_s = self._retry_s
            await self._sleep(pause_s)

    def clean_for(self, gateways: Container[str], since_us: int) -> bool:
        """Tell whether whatever made these gateways' subjects dirty before an instant is mended."""
        shard = self._shard()
        engines = [shard.engines[name] for name, item in shard.view.tanks.items() if item.gateway in gateways]
        return all(not item.is_dirty or item.dirty_only_since(since_us) for item in engines)

    def _is_due(self, subject: str, subject_engine: SubjectEngine) -> bool:
        if subject_engine.past is None:
            return False
        shard = self._shard()
        gateway = shard.entry(subject).gateway
        if gateway is None:
            return True
        if gateway in shard.backfilling:
            return False
        if all(ledger.settled() for ledger in shard.book.of_gateway(gateway)):
            return True
        return shard.now_us() - subject_engine.dirty_since_us > self._patience_us

    async def replay(self, subject: str) -> bool:
        """Replay one subject; when store or records fail it is left dirty for another look, and False."""
        subject_engine = self._shard().engines[subject]
        past = subject_engine.start_replay()
        try:
            # What has left the window is read from the store, so it has to be there.
            await self._parts.writer.wait_until_stored()
            folded = await self._fold(subject, subject_engine, past)
        except OxyWatchError as error:
            _log.warning("replay put off", subject=subject, problem=str(error))
            subject_engine.abandon_replay()
            return False
        worked = subject_engine.finish_replay(folded.state, folded.checkpoints)
        # Those before it mean what they meant; writing them again could fill the buffer again, for ever.
        changed = [item for item in worked if item.arrival.t_us >= past.from_us]
        self._parts.pipeline.store_derived(subject, changed)
        self._parts.days.put_replayed(subject, folded.days)
        self._parts.days.touch(subject, subject_engine.live)
        _log.info("worked the past out again", subject=subject, samples=folded.state.count)
        return True

    async def _fold(self, subject: str, subject_engine: SubjectEngine, past: DirtyPast) -> _Folded:
        base = await self._base(subject_engine, past.from_us)
        state = engine.load(base.body) if base else TankState()
        fold = _Fold(state, subject_engine, self._shard().now_us() - CHECKPOINTS_KEPT_US)
        since_us, until_us = base.at_us if base else 0, subject_engine.settled_until_us
        rows = 0
        if past.late is not None:
            self._parts.statuses.begin_late(subject)
        async for arrival in stored_arrivals(self._parts.store, subject, since_us, until_us):
            worked = fold.take(arrival)
            if arrival.t_us >= past.from_us:
                self._parts.pipeline.store_derived(subject, [worked])
            if past.late is not None and past.late.first_us <= arrival.t_us <= past.late.last_us:
                self._parts.statuses.consider_late(subject, fold.state, arrival.t_us)
            rows += 1
            if rows % BREATH_EVERY_ROWS == 0:
                await self._breathe()
        return _Folded(fold.state, fold.days(), fold.checkpoints)

    async def _base(self, subject_engine: SubjectEngine, from_us: int) -> Checkpoint | None:
        """Return the newest checkpoint that lacks nothing before `from_us`, or None to begin from nothing."""
        newest = subject_engine.shelf.newest_until(from_us)
        if newest is not None:
            return newest
        hold_until_us = subject_engine.shelf.saved_hold_until_us(from_us)
        async with self._parts.database.read() as tx:
            saved = await status_records.latest_checkpoint(
                tx, subject_engine.subject, before_us=hold_until_us + 1
            )
        if saved is None or not engine.is_readable(saved.body):
            return None
        return Checkpoint(saved.at_us, saved.body)

    async def _breathe(self) -> None:
        """Let others work, and leave half of the buffer to live readings."""
        await self._sleep(0)
        while not self._parts.writer.has_room:
            if self._parts.writer.problem:
                raise Retryable(self._parts.writer.problem, code="telemetry_busy", reason="no room")
            await self._sleep(BUFFER_LOOK_EVERY_S)


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
        # A delivery that midnight divides is noted in the day before as well.
        self._days.update({day.day: day for day in self.state.days})
        return Worked(arrival, derived)

    def days(self) -> list[DayFigures]:
        return [daily.copy(figures) for figures in self._days.values()]
