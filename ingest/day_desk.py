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
from records import status as status_records
from records.database import Database

_log = structlog.get_logger(__name__)

DAYS_IN_ONE_TRANSACTION = 500


def tank_day(subject: str, facility: str, figures: DayFigures, now_us: int) -> status_records.TankDay:
    """Return a day's row. Coverage is the share of the day's minutes, so far, with a trusted reading."""
    minutes = figures.minutes_so_far(now_us)
    return status_records.TankDay(
        subject=subject,
        local_date=figures.day,
        facility=facility,
        opening_kg=figures.opening_kg,
        closing_kg=figures.closing_kg,
        minimum_kg=figures.minimum_kg,
        refilled_kg=None if figures.closing_kg is None else figures.refilled_kg,
        consumed_kg=figures.consumed_kg,
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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._every_s)
            self._hurry.clear()
            try:
                await self.write()
            except OxyWatchError as error:
                _log.warning("daily figures cannot be written yet", problem=str(error))
                self._hurry.set()
                await self._sleep(self._retry_s)

    async def write(self) -> None:
        """Write everything that changed. Raises Retryable or Permanent; what was not written is kept."""
        shard = self._shard()
        touched, replayed = self._touched, self._replayed
        self._touched, self._replayed = set(), {}
        days = dict(replayed)
        for subject in touched:
            days.update({(subject, day.day): day for day in shard.engines[subject].live.days})
        rows = [
            tank_day(subject, shard.view.tanks[subject].facility, figures, shard.now_us())
            for (subject, _), figures in days.items()
            if subject in shard.view.tanks
        ]
        try:
            for start in range(0, len(rows), DAYS_IN_ONE_TRANSACTION):
                async with self._database.write() as tx:
                    await status_records.put_tank_days(
                        tx, rows[start : start + DAYS_IN_ONE_TRANSACTION], now_us=shard.now_us()
                    )
        except OxyWatchError:
            self._touched |= touched
            self._replayed = {**replayed, **self._replayed}
            raise
