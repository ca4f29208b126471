"""Telling others that somebody watches: `watch` to every facility's gateways, and the heartbeat."""

from __future__ import annotations

import structlog

from alerts.evaluator import Evaluator
from alerts.outbox_worker import OutboxWorker
from alerts.pacing import Clock, Sleep
from alerts.settings import AlertsSettings
from broker_link import Session
from oxygen.errors import Retryable
from oxygen.units import US_PER_S
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, Heartbeat, Watch
from oxygen.wire.topics import heartbeat_topic, watch_topic

SERVICE = "alerts"

_log = structlog.get_logger(__name__)


class Presence:
    """Publishes; a broker that is away costs nothing but the message."""

    def __init__(
        self,
        session: Session,
        evaluator: Evaluator,
        worker: OutboxWorker,
        settings: AlertsSettings,
        *,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        """Prepare; the two `run`s do the work."""
        self._session = session
        self._evaluator = evaluator
        self._worker = worker
        self._settings = settings
        self._clock = clock
        self._sleep = sleep

    async def run_watch(self) -> None:
        """Tell every facility how far evaluation has come, until cancelled.

        It stands still when evaluation does: that is what the gateways take over on.
        """
        while True:
            as_of_us = self._evaluator.evaluated_as_of_us
            if as_of_us is not None:
                valid_until_us = as_of_us + round(self._settings.watch_valid_s * US_PER_S)
                payload = pack(Watch(VERSION, as_of_us, valid_until_us))
                for facility, shard in self._evaluator.watched.facilities.items():
                    await self._publish(watch_topic(shard, facility), payload)
            # Before the first rows are evaluated there is nothing to tell, but it will not be long.
            soon_s = min(self._settings.poll_every_s, self._settings.watch_every_s)
            await self._sleep(soon_s if as_of_us is None else self._settings.watch_every_s)

    async def run_heartbeat(self) -> None:
        """Publish the heartbeat until cancelled."""
        topic = heartbeat_topic(SERVICE, self._settings.instance)
        while True:
            note = (
                f"watching {len(self._evaluator.watched.subjects)}, left out {self._evaluator.skipped}, "
                f"sent {self._worker.sent}, failed {self._worker.failed}"
            )
            beat = Heartbeat(VERSION, SERVICE, self._settings.instance, self._clock(), note)
            await self._publish(topic, pack(beat))
            await self._sleep(self._settings.heartbeat_every_s)

    async def _publish(self, topic: str, payload: bytes) -> None:
        try:
            await self._session.publish(topic, payload)
        except Retryable as error:
            _log.debug("not published", topic=topic, problem=str(error))
