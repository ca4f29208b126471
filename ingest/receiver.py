"""From the broker's messages to the pipeline."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from broker_link.session import Message, Session
from ingest.arrival import Letter
from ingest.health import Health
from ingest.letter_desk import LetterDesk
from ingest.pipeline import Pipeline
from ingest.validation import LETTER_BODY_CHARACTERS
from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import GatewayState, Samples
from oxygen.wire.topics import Leaf, all_gateways, parse_gateway_topic

_log = structlog.get_logger(__name__)

UNREADABLE_AGAIN_US = 60 * US_PER_S
SENDERS_AT_MOST = 1000


def subscriptions(shard: str) -> tuple[str, ...]:
    """Return what ingest listens to."""
    return all_gateways(shard, Leaf.SAMPLES), all_gateways(shard, Leaf.STATE)


class Receiver:
    """Takes messages one at a time; a bad one is written down, never fatal."""

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        letters: LetterDesk,
        health: Health,
        now_us: Callable[[], int],
    ) -> None:
        """Wire it."""
        self._session = session
        self._pipeline = pipeline
        self._letters = letters
        self._health = health
        self._now_us = now_us
        self._written_down_us: dict[str, int] = {}

    async def run(self) -> None:
        """Receive until cancelled."""
        async for message in self._session.messages():
            try:
                self._take(message)
            except Rejected as error:
                self._refuse(message, error)

    def _take(self, message: Message) -> None:
        address, leaf = parse_gateway_topic(message.topic)
        if leaf is Leaf.SAMPLES:
            self._pipeline.accept(address, unpack(message.payload, Samples), self._now_us())
        elif leaf is Leaf.STATE and message.payload:
            self._health.note_gateway(address, unpack(message.payload, GatewayState), self._now_us())

    def _refuse(self, message: Message, error: Rejected) -> None:
        """Count a message that nothing can be made of, and write down one a minute of each sender.

        It is not acknowledged, so that it comes again and again, a little different each time.
        """
        _log.warning("message refused", topic=message.topic[:200], problem=str(error)[:500])
        self._pipeline.counters.letters += 1
        gateway = message.topic.split("/")[5][:64] if message.topic.count("/") == 6 else ""
        if not self._is_to_be_written(gateway):
            return
        params = {name: str(value) for name, value in error.params.items()}
        body = message.payload[:LETTER_BODY_CHARACTERS].decode("utf-8", "replace")
        self._letters.put(Letter(gateway, None, None, None, error.code, params, body))

    def _is_to_be_written(self, gateway: str) -> bool:
        now_us = self._now_us()
        before_us = self._written_down_us.get(gateway)
        if before_us is not None and 0 <= now_us - before_us < UNREADABLE_AGAIN_US:
            return False
        if before_us is None and len(self._written_down_us) >= SENDERS_AT_MOST:
            return False
        self._written_down_us[gateway] = now_us
        return True
