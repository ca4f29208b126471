"""Acknowledgements to gateways, and requests for what is missing; gathered for a moment, then published."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from broker_link.session import Session
from ingest.ledger import Book, EpochKey
from oxygen.errors import Retryable
from oxygen.ranges import Range
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, Ack, RangeRequest
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic

RANGES_IN_ONE_MESSAGE = 2000


class AckDesk:
    """Publishes the ledgers of epochs that changed.

    An acknowledgement that gets lost is repeated with the next message of the gateway, which sends its
    unacknowledged batches again.
    """

    def __init__(
        self,
        session: Session,
        book: Callable[[], Book],
        *,
        gather_s: float = 0.02,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` publishes. `book` returns the ledgers."""
        self._session = session
        self._book = book
        self._gather_s = gather_s
        self._sleep = sleep
        self._addresses: dict[EpochKey, GatewayAddress] = {}
        self._due: set[EpochKey] = set()
        self._wanted = asyncio.Event()

    def due(self, address: GatewayAddress, epoch: str) -> None:
        """Have an epoch acknowledged soon, and remember where its gateway listens."""
        key = EpochKey(address.gateway, epoch)
        self._addresses[key] = address
        self._due.add(key)
        self._wanted.set()

    def changed(self, key: EpochKey) -> None:
        """Have an epoch acknowledged if its gateway was ever heard (a backfill has none)."""
        if key in self._addresses:
            self._due.add(key)
            self._wanted.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wanted.wait()
            await self._sleep(self._gather_s)
            self._wanted.clear()
            due, self._due = self._due, set()
            for key in due:
                await self._publish_ack(key)

    async def _publish_ack(self, key: EpochKey) -> None:
        """Publish all that is held of an epoch; what one message cannot take goes into another.

        Each says a part, and a gateway adds them up: leaving out any range would have it sent for ever.
        """
        ledger = self._book().of(key.gateway, key.epoch)
        seen, stored = list(ledger.seen), list(ledger.stored)
        for start in range(0, max(len(seen), len(stored), 1), RANGES_IN_ONE_MESSAGE):
            part = slice(start, start + RANGES_IN_ONE_MESSAGE)
            ack = Ack(VERSION, key.epoch, seen=seen[part], stored=stored[part])
            try:
                await self._session.publish(gateway_topic(self._addresses[key], Leaf.ACK), pack(ack))
            except Retryable:
                return  # the gateway repeats what it sees unacknowledged, and is answered then

    async def request(self, key: EpochKey, ranges: list[Range]) -> None:
        """Ask a gateway for ranges again; silently nothing when it was never heard or the broker is away."""
        address = self._addresses.get(key)
        if address is None or not ranges:
            return
        wanted = RangeRequest(VERSION, key.epoch, ranges[:RANGES_IN_ONE_MESSAGE])
        try:
            await self._session.publish(gateway_topic(address, Leaf.REQUEST), pack(wanted))
        except Retryable:
            return  # the hole is still there at the next look
