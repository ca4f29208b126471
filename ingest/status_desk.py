"""Statuses on their way into the records and onto the wire.

A row is written when a reader would want to know at once, and at least every minute for every tank, also a
silent one. The wake-up on the broker follows the row; nobody depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from broker_link.session import Session
from ingest.arrival import Arrival
from ingest.shard import Shard
from ingest.status import UNKNOWN_BAND, Moment, Source, condensed, differs, live_or_aged, status_of
from oxygen.engine import TankState
from oxygen.errors import OxyWatchError, Retryable
from oxygen.units import US_PER_S
from oxygen.wire.packing import pack
from oxygen.wire.payloads import Status
from oxygen.wire.topics import status_topic
from records import status as status_records
from records.database import Database

_log = structlog.get_logger(__name__)

LATE_WAITING_AT_MOST = 100_000
REPETITIONS_WAITING_AT_MOST = 5000
OVERDUE_SHARE = 0.85
"""Of the longest pause between two rows: looking at a tenth of it, nothing is ever late."""


class StatusDesk:
    """Keeps the last status of every subject and writes what changed.

    Attributes:
        written: Rows written so far.
    """

    def __init__(
        self,
        database: Database,
        session: Session,
        shard: Callable[[], Shard],
        *,
        name: str,
        every_s: float,
        flush_s: float,
        retry_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run_flush` and `run_ticks` do the work. `name` is the shard's."""
        self.written = 0
        self._database = database
        self._session = session
        self._shard = shard
        self._name = name
        self._every_us = round(every_s * US_PER_S)
        self._flush_s = flush_s
        self._retry_s = retry_s
        self._sleep = sleep
        self._last: dict[str, Status] = {}
        self._last_late: dict[str, Status] = {}
        self._pending: list[Status] = []
        self._pending_late: list[Status] = []
        self._wanted = asyncio.Event()

    def start_from(self, statuses: list[Status]) -> None:
        """Take over the latest rows, so that bands keep their hysteresis over a restart."""
        self._last = {status.subject: status for status in statuses}

    def consider(self, subject: str, arrival: Arrival, *, history: bool) -> None:
        """Look at a subject whose live state just moved to `arrival`."""
        if history:
            self.consider_late(subject, self._shard().engines[subject].live, arrival.t_us)
        else:
            self._look(subject)

    def begin_late(self, subject: str) -> None:
        """Begin a run of history anew: its first row is written whatever the last run ended with."""
        self._last_late.pop(subject, None)

    def consider_late(self, subject: str, state: TankState, t_us: int) -> None:
        """Look at a state of the past; what changed there becomes a late row, which wakes nobody."""
        previous = self._last_late.get(subject)
        entry = self._shard().entry(subject)
        band = previous.band if previous else UNKNOWN_BAND
        status = status_of(state, entry, Moment(t_us, Source.BACKFILL, band))
        if differs(status, previous) and len(self._pending_late) < LATE_WAITING_AT_MOST:
            self._pending_late.append(status)
            self._wanted.set()
        self._last_late[subject] = status

    def _look(self, subject: str) -> None:
        shard = self._shard()
        previous = self._last.get(subject)
        band = previous.band if previous else UNKNOWN_BAND
        state, entry = shard.engines[subject].live, shard.entry(subject)
        now_us = shard.now_us()
        status = status_of(state, entry, Moment(now_us, live_or_aged(state, now_us), band))
        if self._is_overdue(previous, now_us) or differs(status, previous):
            self._last[subject] = status
            self._pending.append(status)
            self._wanted.set()

    def _is_overdue(self, previous: Status | None, now_us: int) -> bool:
        """Tell whether a row is due; one from the future was written before the server's clock was set."""
        if previous is None:
            return True
        return not 0 <= now_us - previous.evaluated_us < OVERDUE_SHARE * self._every_us

    async def run_ticks(self) -> None:
        """Give every silent subject its status in time, until cancelled."""
        pause_s = self._every_us / US_PER_S / 10
        while True:
            shard = self._shard()
            for subject in shard.view.tanks:
                if self._is_overdue(self._last.get(subject), shard.now_us()):
                    self._look(subject)
            await self._sleep(pause_s)

    async def run_flush(self) -> None:
        """Write and publish until cancelled."""
        while True:
            await self._wanted.wait()
            await self._sleep(self._flush_s)
            self._wanted.clear()
            batch, self._pending = self._pending, []
            late, self._pending_late = self._pending_late, []
            try:
                await self._write(batch, late)
            except OxyWatchError as error:
                _log.warning("statuses cannot be written yet", problem=str(error), waiting=len(batch))
                self._pending = batch + self._pending
                if len(self._pending) > REPETITIONS_WAITING_AT_MOST:
                    self._pending = condensed(self._pending)
                self._pending_late = late + self._pending_late
                self._wanted.set()
                await self._sleep(self._retry_s)
                continue
            await self._publish(batch)

    async def _write(self, batch: list[Status], late: list[Status]) -> None:
        now_us = self._shard().now_us()
        async with self._database.write() as tx:
            if late:
                await status_records.append_statuses(tx, self._name, late, late=True, written_us=now_us)
            if batch:
                await status_records.append_statuses(tx, self._name, batch, late=False, written_us=now_us)
        self.written += len(batch) + len(late)

    async def _publish(self, batch: list[Status]) -> None:
        newest = {status.subject: status for status in batch}
        for subject, status in newest.items():
            topic = status_topic(self._name, status.facility, subject)
            try:
                await self._session.publish(topic, pack(status), retain=True)
            except Retryable:
                return  # a wake-up only; readers look at the rows every second anyway
