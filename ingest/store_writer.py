"""Points on their way into the time-series store: a bounded buffer, one writer, every answer dealt with.

Only the store's confirmation marks samples as stored. While it is down the buffer fills, then refuses: the
caller notes those samples as dropped, and gateways send them again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from ingest.ledger import EpochKey
from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable
from telemetry.contract import Point, TelemetryStore

_log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.02


class Mark(NamedTuple):
    """The sample that an item confirms once it is stored: its number, and its place among its subject's."""

    key: EpochKey
    seq: int
    subject: str
    t_us: int


class WriteItem(NamedTuple):
    """Points that are stored together or refused together; `mark` is None for points that confirm nothing."""

    points: tuple[Point, ...]
    mark: Mark | None


class Outcomes(Protocol):
    """What the writer tells its owner."""

    def stored(self, marks: Sequence[Mark]) -> None:
        """These samples are durable."""

    def refused(self, item: WriteItem, error: Rejected) -> None:
        """The store will never take this item; it belongs in the dead letters."""


class StoreWriter:
    """Writes items in their order, in large requests.

    Attributes:
        problem: Why the store takes nothing at present; empty when it does.
        waiting_points: How many points wait.
        offered, dealt_with: Items taken so far, and how many of them, in their order, were stored or refused.
    """

    def __init__(
        self,
        store: TelemetryStore,
        outcomes: Outcomes,
        *,
        buffer_points: int,
        batch_points: int,
        retry_first_s: float,
        retry_cap_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` does the work."""
        self.problem = ""
        self.waiting_points = 0
        self.offered = 0
        self.dealt_with = 0
        self._store = store
        self._outcomes = outcomes
        self._buffer_points = buffer_points
        self._batch_points = batch_points
        self._retry_first_s = retry_first_s
        self._retry_cap_s = retry_cap_s
        self._sleep = sleep
        self._items: deque[WriteItem] = deque()
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def offer(self, item: WriteItem) -> bool:
        """Take an item, or return False when the buffer is full and the caller must let it go."""
        if self.waiting_points + len(item.points) > self._buffer_points:
            return False
        self._items.append(item)
        self.offered += 1
        self.waiting_points += len(item.points)
        self._wanted.set()
        if self.waiting_points * 2 > self._buffer_points:
            self._room.clear()
        return True

    @property
    def has_room(self) -> bool:
        """Whether the buffer is at most half full."""
        return self._room.is_set()

    async def wait_for_room(self) -> None:
        """Wait until the buffer is at most half full; for backfills, which can wait."""
        await self._room.wait()

    async def wait_until_stored(self) -> None:
        """Wait until everything offered before this call is dealt with, whatever is offered meanwhile.

        Raises Retryable as soon as the store takes nothing.
        """
        target = self.offered
        while self.dealt_with < target:
            if self.problem:
                raise Retryable(self.problem, code="telemetry_busy", reason=self.problem)
            await self._sleep(LOOK_EVERY_S)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wanted.wait()
            batch = self._next_batch()
            if not batch:
                self._wanted.clear()
                continue
            await self._write_until_taken(batch)
            self._forget(batch)

    def _next_batch(self) -> list[WriteItem]:
        batch: list[WriteItem] = []
        points = 0
        for item in self._items:
            if batch and points + len(item.points) > self._batch_points:
                break
            batch.append(item)
            points += len(item.points)
        return batch

    def _forget(self, batch: list[WriteItem]) -> None:
        for item in batch:
            self._items.popleft()
            self.waiting_points -= len(item.points)
        self.dealt_with += len(batch)
        if self.waiting_points * 2 <= self._buffer_points:
            self._room.set()

    async def _write_until_taken(self, batch: list[WriteItem]) -> None:
        pause_s = self._retry_first_s
        while True:
            try:
                await self._write_or_bisect(batch)
            except (Retryable, Permanent) as error:
                self._note(error)
                await self._sleep(pause_s)
                pause_s = min(self._retry_cap_s, 2 * pause_s)
            else:
                self._note(None)
                return

    async def _write_or_bisect(self, batch: Sequence[WriteItem]) -> None:
        """Write a batch; a refusal is narrowed down to the items that cause it.

        Repeating a half that is already stored changes nothing, so an error on the way may simply be raised.
        """
        if not batch:
            return
        try:
            await self._store.write([point for item in batch for point in item.points])
        except Rejected as error:
            if len(batch) == 1:
                self._outcomes.refused(batch[0], error)
                return
            middle = len(batch) // 2
            await self._write_or_bisect(batch[:middle])
            await self._write_or_bisect(batch[middle:])
        else:
            self._outcomes.stored([item.mark for item in batch if item.mark is not None])

    def _note(self, error: OxyWatchError | None) -> None:
        problem = "" if error is None else str(error)
        if problem and not self.problem:
            _log.warning("store takes nothing, holding data", problem=problem, kind=type(error).__name__)
        if self.problem and not problem:
            _log.info("store takes data again", waiting_points=self.waiting_points)
        self.problem = problem
