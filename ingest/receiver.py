"""From the broker's messages to the pipeline."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from broker_link.session import Message, Session
from ingest.arrival import Letter
from ingest.fleet_desk import FleetDesk
from ingest.health import Health
from ingest.letter_desk import LetterDesk
from ingest.pipeline import Pipeline
from ingest.validation import LETTER_BODY_CHARACTERS
from oxygen.errors import Rejected
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import GatewayConfigState, GatewayState, Samples
from oxygen.wire.topics import Leaf, all_gateways, parse_gateway_topic

_log = structlog.get_logger(__name__)


def subscriptions(shard: str) -> tuple[str, ...]:
    """Return what ingest listens to."""
    return tuple(all_gateways(shard, leaf) for leaf in (Leaf.SAMPLES, Leaf.STATE, Leaf.CONFIG_STATE))


class Receiver:
    """Takes messages one at a time; a bad one is written down, never fatal."""

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        letters: LetterDesk,
        health: Health,
        now_us: Callable[[], int],
        fleet: FleetDesk,
    ) -> None:
        """Wire it."""
        self._session = session
        self._pipeline = pipeline
        self._letters = letters
        self._health = health
        self._now_us = now_us
        self._fleet = fleet

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
            state = unpack(message.payload, GatewayState)
            self._health.note_gateway(address, state, self._now_us())
            self._fleet.note_health(address, state, self._now_us())
        elif leaf is Leaf.CONFIG_STATE and message.payload:
            self._fleet.note_config(address, unpack(message.payload, GatewayConfigState), self._now_us())

    def _refuse(self, message: Message, error: Rejected) -> None:
        _log.warning("message refused", topic=message.topic, problem=str(error))
        self._pipeline.counters.letters += 1
        gateway = message.topic.split("/")[5] if message.topic.count("/") == 6 else ""
        params = {name: str(value) for name, value in error.params.items()}
        body = message.payload[:LETTER_BODY_CHARACTERS].decode("utf-8", "replace")
        self._letters.put(Letter(gateway, None, None, None, error.code, params, body))
