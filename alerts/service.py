"""Wiring of alerts: evaluation, the outbox, and telling others that both are alive."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from alerts.evaluator import Evaluator, OutOfStepError
from alerts.outbox_worker import OutboxWorker
from alerts.pacing import Clock, Sleep, sleep_or_wake, until_stopped
from alerts.presence import Presence
from alerts.settings import AlertsSettings
from broker_link import BrokerSettings, Session
from channels.smtp import SmtpChannel
from channels.webhook import WebhookChannel
from oxygen.errors import Retryable
from oxygen.units import US_PER_S
from oxygen.wire.topics import all_statuses
from records.database import Database

_log = structlog.get_logger(__name__)


async def run(
    settings: AlertsSettings,
    database: Database,
    broker: BrokerSettings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    sleep: Sleep = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Watch and send until `stop` is set. State is taken up where the records hold it, never reset.

    Args:
        settings: Waits, bounds and channels.
        database: The records, migrated.
        broker: Wakes us sooner and carries our heartbeat; nothing depends on it.
        clock: The server's time, µs since 1970 UTC.
        stop: Set to end.
        sleep: Passing of time.
        jitter: A number in [0, 1), for pauses.

    Raises:
        Permanent: The records cannot be used. A fault in any part ends the process, for its supervisor.
    """
    wake = asyncio.Event()
    session = Session(
        broker, client_id=f"alerts-{settings.instance}", subscriptions=[all_statuses()], sleep=sleep
    )
    evaluator = Evaluator(
        database, batch_rows=settings.batch_rows, start_grace_s=settings.start_grace_s, clock=clock
    )
    worker = OutboxWorker(
        database,
        settings,
        None if settings.smtp is None else SmtpChannel(settings.smtp),
        WebhookChannel(settings.webhook),
        clock=clock,
        sleep=sleep,
        jitter=jitter,
    )
    presence = Presence(session, evaluator, worker, settings, clock=clock, sleep=sleep)
    loops = [
        Evaluation(evaluator, settings, wake, clock=clock, sleep=sleep).run(),
        worker.run(),
        presence.run_watch(),
        presence.run_heartbeat(),
        _wake_on_status(session, wake),
    ]
    async with session:
        await until_stopped(loops, stop)


async def _wake_on_status(session: Session, wake: asyncio.Event) -> None:
    """Take every status message for a hint that rows wait."""
    async for _ in session.messages():
        wake.set()


class Evaluation:
    """The loop around the evaluator: rows as they come, then time, and the registry now and then."""

    def __init__(
        self,
        evaluator: Evaluator,
        settings: AlertsSettings,
        wake: asyncio.Event,
        *,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        """Prepare; `run` does the work."""
        self._evaluator = evaluator
        self._settings = settings
        self._wake = wake
        self._clock = clock
        self._sleep = sleep
        self._loaded = False
        self._tick = _Every(settings.tick_every_s)
        self._registry = _Every(settings.registry_every_s)

    async def run(self) -> None:
        """Evaluate until cancelled; while the records do not answer, try again."""
        down = False
        while True:
            try:
                idle = await self._once()
                down = False
            except OutOfStepError as error:
                _log.warning("reading the state again", problem=str(error))
                self._loaded = False
                continue
            except Retryable as error:
                if not down:
                    _log.warning("the records do not answer", problem=str(error))
                down = True
                # A commit may have succeeded although its answer was lost.
                self._loaded = False
                await self._sleep(self._settings.retry_s)
                continue
            if idle:
                await sleep_or_wake(self._sleep, self._settings.poll_every_s, self._wake)

    async def _once(self) -> bool:
        """Do the next piece of work; True when there is none left for now."""
        if not self._loaded:
            await self._evaluator.load()
            self._loaded = True
        now_us = self._clock()
        if self._registry.is_due(now_us):
            await self._evaluator.follow_registry()
            self._registry.done(now_us)
        if not await self._evaluator.evaluate_rows():
            return False
        if self._tick.is_due(now_us):
            await self._evaluator.evaluate_time()
            self._tick.done(now_us)
        return True


class _Every:
    """Tells when something is due again; a clock that was set back makes it due, not late."""

    def __init__(self, seconds: float) -> None:
        self._every_us = round(seconds * US_PER_S)
        self._last_us: int | None = None

    def is_due(self, now_us: int) -> bool:
        return self._last_us is None or not 0 <= now_us - self._last_us < self._every_us

    def done(self, now_us: int) -> None:
        self._last_us = now_us
