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
        lease_token: int = 0,
        now_us: Callable[[], int] = lambda: 0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` publishes. `book` returns the ledgers; `lease_token` is of the shard's lease."""
        self._session = session
        self._book = book
        self._gather_s = gather_s
        self._lease_token = lease_token
        self._now_us = now_us
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
        ledger = self._book().of(key.gateway, key.epoch)
        ack = Ack(
            VERSION,
            key.epoch,
            seen=list(ledger.seen)[-RANGES_IN_ONE_MESSAGE:],
            stored=list(ledger.stored)[-RANGES_IN_ONE_MESSAGE:],
            lease_token=self._lease_token,
            as_of_us=self._now_us(),
        )
        try:
            await self._session.publish(gateway_topic(self._addresses[key], Leaf.ACK), pack(ack))
        except Retryable:
            return  # the gateway repeats what it sees unacknowledged, and is answered then

    async def request(self, key: EpochKey, ranges: list[Range]) -> None:
        """Ask a gateway for ranges again; silently nothing when it was never heard or the broker is away."""
        address = self._addresses.get(key)
        if address is None or not ranges:
            return
        wanted = RangeRequest(VERSION, key.epoch, ranges[:RANGES_IN_ONE_MESSAGE], self._lease_token)
        try:
            await self._session.publish(gateway_topic(address, Leaf.REQUEST), pack(wanted))
        except Retryable:
            return  # the hole is still there at the next look
