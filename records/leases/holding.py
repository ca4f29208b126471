"""Holding a lease while work is done under it, and letting go in time.

The monotonic clock decides when to stop: it counts from before the grant was asked for, so that the answer's
delay can only make the holder stop earlier than the database lets another one begin.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator

from oxygen.errors import OxyWatchError
from oxygen.units import US_PER_S
from records.database import Database
from records.leases.services import Lease, LeaseLost, acquire, release, renew

Work = Callable[[Lease, asyncio.Event], Awaitable[None]]
"""What is done under a lease: ends soon after the event is set, and is cancelled when the lease is lost."""

_CANCEL_AGAIN_S = 1.0
_log = structlog.get_logger(__name__)


class LeaseSettings(BaseModel):
    """How long leases last and how they are kept. Times in seconds.

    Attributes:
        lasts_s: From a grant or its renewal; another process takes over at the earliest then.
        renew_every_s: How often it is prolonged.
        stop_before_s: The holder stops this long before its end when it could not be prolonged.
        try_every_s: How often a lease that somebody else holds is asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lasts_s: float = Field(default=20.0, gt=0)
    renew_every_s: float = Field(default=4.0, gt=0)
    stop_before_s: float = Field(default=5.0, ge=0)
    try_every_s: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _can_be_renewed(self) -> LeaseSettings:
        if self.renew_every_s + self.stop_before_s >= self.lasts_s:
            raise ValueError(
                f"lasts_s is {self.lasts_s:g}, expected more than renew_every_s + stop_before_s, "
                f"{self.renew_every_s + self.stop_before_s:g} s: it would be lost before it is prolonged"
            )
        return self


class Claim(NamedTuple):
    """What is to be held, and by whom."""

    shard: str
    service: str
    holder: str


class Time(NamedTuple):
    """The passing of time.

    Attributes:
        monotonic: Seconds on a clock that nobody sets.
        sleep: Waits.
    """

    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


async def work_while_held(
    database: Database,
    claim: Claim,
    settings: LeaseSettings,
    work: Work,
    *,
    stop: asyncio.Event,
    time: Time,
    places: asyncio.Semaphore | None = None,
) -> None:
    """Wait for a lease, work under it, and begin anew when it is lost; until `stop` is set.

    A lease of the same holder is taken over at once at the start, never later: of two processes that bear the
    same name by mistake the second wins, instead of both throwing each other out for ever. With `places`, no
    more leases are asked for than it has room for.

    Raises:
        Whatever `work` fails with, but LeaseLost.
    """
    holding = _Holding(database, claim, settings, time)
    take_own = True
    while not stop.is_set():
        if places is None or not places.locked():
            async with places or contextlib.nullcontext():
                if await holding.take(take_own=take_own):
                    await holding.work(work, stop)
                elif take_own:
                    _log.info("somebody else serves", service=claim.service, shard=claim.shard)
            take_own = False
        await _pause(settings.try_every_s, stop, time)


class _Holding:
    """One lease, taken and lost any number of times."""

    def __init__(self, database: Database, claim: Claim, settings: LeaseSettings, time: Time) -> None:
        self._database = database
        self._claim = claim
        self._settings = settings
        self._time = time
        self._lease: Lease | None = None
        self._stop_at_s = 0.0

    async def take(self, *, take_own: bool) -> bool:
        asked_s = self._time.monotonic()
        shard, service, holder = self._claim
        try:
            async with self._database.write() as tx:
                self._lease = await acquire(
                    tx, shard, service, holder, for_us=self._lasts_us(), take_own=take_own
                )
        except OxyWatchError as error:
            _log.warning("a lease cannot be taken yet", shard=shard, problem=str(error))
            return False
        self._count_from(asked_s)
        return self._lease is not None

    async def work(self, work: Work, stop: asyncio.Event) -> None:
        """Work until `stop` is set or the lease is lost; then give it back if it is still ours."""
        lease = self._held()
        _log.info("lease taken", service=lease.service, shard=lease.shard, token=lease.token)
        working = asyncio.ensure_future(work(lease, stop))
        keeping = asyncio.ensure_future(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(working, keeping)
            await self._give_back()
        _raise_all_but_lost(working)

    async def _keep(self) -> None:
        """Prolong until that fails for too long."""
        settings, time = self._settings, self._time
        while (left_s := self._stop_at_s - time.monotonic()) > 0:
            await time.sleep(min(settings.renew_every_s, left_s))
            asked_s = time.monotonic()
            if asked_s >= self._stop_at_s:
                break
            try:
                async with asyncio.timeout(self._stop_at_s - asked_s):
                    await self._renew()
            except LeaseLost:
                break
            except (OxyWatchError, TimeoutError) as error:
                _log.warning("a lease cannot be prolonged yet", problem=str(error))
                await time.sleep(min(settings.try_every_s, settings.renew_every_s))
                continue
            self._count_from(asked_s)
        _log.error("lease lost; stopping", service=self._claim.service, shard=self._claim.shard)

    async def _renew(self) -> None:
        async with self._database.write() as tx:
            self._lease = await renew(tx, self._held(), for_us=self._lasts_us())

    async def _give_back(self) -> None:
        try:
            async with self._database.write() as tx:
                await release(tx, self._held())
        except OxyWatchError as error:
            _log.info("a lease runs out by itself", problem=str(error))

    def _held(self) -> Lease:
        if self._lease is None:
            raise RuntimeError("no lease has been taken")
        return self._lease

    def _count_from(self, asked_s: float) -> None:
        self._stop_at_s = asked_s + self._settings.lasts_s - self._settings.stop_before_s

    def _lasts_us(self) -> int:
        return round(self._settings.lasts_s * US_PER_S)


async def _end(*tasks: asyncio.Future[None]) -> None:
    """Cancel until all have ended: until Python 3.12 `asyncio.wait_for` forgets some cancellations."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)


def _raise_all_but_lost(working: asyncio.Future[None]) -> None:
    """Raise what the work failed with; a lost lease is no failure, and begins anew."""
    error = None if working.cancelled() else working.exception()
    if isinstance(error, BaseExceptionGroup):
        error = error.split(LeaseLost)[1]
    if error is not None and not isinstance(error, LeaseLost):
        raise error


async def _pause(seconds: float, stop: asyncio.Event, time: Time) -> None:
    """Wait for a while, or until `stop` is set."""

    async def nap() -> None:
        await time.sleep(seconds)

    tasks = {asyncio.create_task(nap()), asyncio.create_task(_set(stop))}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await _end(*tasks)


async def _set(stop: asyncio.Event) -> None:
    await stop.wait()
