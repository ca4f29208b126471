"""Daily figures on their way into the records: the open day every few minutes, any other when it changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from ingest.shard import Shard
from oxygen.daily import DayFigures
from oxygen.engine import TankState
from oxygen.errors import OxyWatchError
from oxygen.local_time import local_day
from records import status as status_records
from records.database import Database

_log = structlog.get_logger(__name__)

DAYS_IN_ONE_TRANSACTION = 500


def tank_day(
    subject: str, facility: str, figures: DayFigures, now_us: int, *, filling: bool = False
) -> status_records.TankDay:
    """Return a day's row. Coverage is the share of the day's minutes, so far, with a trusted reading.

    While a delivery is coming in nobody can tell how much of the rise was drawn meanwhile: no consumption.
    """
    minutes = figures.minutes_so_far(now_us)
    return status_records.TankDay(
        subject=subject,
        local_date=figures.day,
        facility=facility,
        opening_kg=figures.opening_kg,
        closing_kg=figures.closing_kg,
        minimum_kg=figures.minimum_kg,
        refilled_kg=None if figures.closing_kg is None else figures.refilled_kg,
        consumed_kg=None if filling else figures.consumed_kg,
        consumed_sd_kg=None,
        refills=tuple(
            status_records.Refill(refill.start_us, refill.end_us, refill.mass_kg, refill.sd_kg)
            for refill in figures.refills
        ),
        coverage=min(1.0, figures.covered_minutes / minutes) if minutes else None,
        expected_samples=minutes,
        good_samples=figures.covered_minutes,
        from_us=figures.first_us,
        to_us=figures.last_us,
    )


class DayDesk:
    """Remembers which days changed and writes them."""

    def __init__(
        self,
        database: Database,
        shard: Callable[[], Shard],
        *,
        every_s: float,
        retry_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` writes."""
        self._database = database
        self._shard = shard
        self._every_s = every_s
        self._retry_s = retry_s
        self._sleep = sleep
        self._open_day: dict[str, str] = {}
        self._touched: set[str] = set()
        self._replayed: dict[tuple[str, str], DayFigures] = {}
        self._over: dict[str, str] = {}
        self._hurry = asyncio.Event()

    def touch(self, subject: str, live: TankState) -> None:
        """Note that a subject's live days moved; a day that has just ended is written at once."""
        if not live.days:
            return
        self._touched.add(subject)
        day = live.days[-1].day
        if self._open_day.get(subject, day) != day:
            self._hurry.set()
        self._open_day[subject] = day

    def put_replayed(self, subject: str, days: list[DayFigures]) -> None:
        """Have days of the past replaced, all in one go."""
        self._replayed.update({(subject, figures.day): figures for figures in days})
        self._hurry.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self._touch_open_days()
            with contextlib.suppress(TimeoutError):
                # asyncio.wait_for would lose a cancellation that comes with the event (Python 3.11).
                async with asyncio.timeout(self._every_s):
                    await self._hurry.wait()
            self._hurry.clear()
            try:
                await self.write()
            except OxyWatchError as error:
                _log.warning("daily figures cannot be written yet", problem=str(error))
                self._hurry.set()
                await self._sleep(self._retry_s)

    def _touch_open_days(self) -> None:
        """Have the day of a silent tank written as well, until it is over: its coverage falls."""
        for subject, subject_engine in self._shard().engines.items():
            days = subject_engine.live.days
            if days and self._over.get(subject) != days[-1].day:
                self._touched.add(subject)

    async def write(self) -> None:
        """Write everything that changed. Raises Retryable or Permanent; what was not written is kept.

        An engine that lacks samples keeps its days to itself until a replay has brought them in.
        """
        shard = self._shard()
        touched, replayed = self._touched, self._replayed
        self._touched, self._replayed = set(), {}
        now_us = shard.now_us()
        rows = {
            (subject, figures.day): tank_day(subject, shard.entry(subject).facility, figures, now_us)
            for (subject, _), figures in replayed.items()
        }
        over: dict[str, str] = {}
        for subject in touched:
            if shard.engines[subject].complete:
                live = shard.engines[subject].live
                rows.update(_live_rows(subject, shard.entry(subject).facility, live, now_us))
                if live.days and live.days[-1].is_over(now_us):
                    over[subject] = live.days[-1].day
        try:
            await self._put(list(rows.values()), now_us)
        except BaseException:
            self._touched |= touched
            self._replayed = {**replayed, **self._replayed}
            raise
        self._over.update(over)

    async def _put(self, rows: list[status_records.TankDay], now_us: int) -> None:
        for start in range(0, len(rows), DAYS_IN_ONE_TRANSACTION):
            async with self._database.write() as tx:
                await status_records.put_tank_days(
                    tx, rows[start : start + DAYS_IN_ONE_TRANSACTION], now_us=now_us
                )


def _live_rows(
    subject: str, facility: str, live: TankState, now_us: int
) -> dict[tuple[str, str], status_records.TankDay]:
    """Return the rows of the latest days."""
    filling = live.balance.filling
    rising_since = local_day(filling.start_us).isoformat() if filling else None
    return {
        (subject, figures.day): tank_day(
            subject,
            facility,
            figures,
            now_us,
            filling=rising_since is not None and figures.day >= rising_since,
        )
        for figures in live.days
    }
