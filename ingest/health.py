"""How ingest and its gateways are doing, for engineers: points in the store and a heartbeat on the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from broker_link.session import Session
from ingest.pipeline import Counters
from ingest.shard import Shard
from ingest.store_writer import StoreWriter, WriteItem
from oxygen.errors import Retryable
from oxygen.units import US_PER_S
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, GatewayState, Heartbeat
from oxygen.wire.topics import GatewayAddress, heartbeat_topic
from telemetry.contract import GATEWAY, INGEST, FieldValue, Point


class Health:
    """Remembers what gateways say of themselves and writes the points."""

    def __init__(
        self,
        session: Session,
        writer: StoreWriter,
        counters: Counters,
        shard: Callable[[], Shard],
        *,
        instance: str,
        every_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` writes."""
        self._session = session
        self._writer = writer
        self._counters = counters
        self._shard = shard
        self._instance = instance
        self._every_s = every_s
        self._sleep = sleep
        self._gateways: dict[GatewayAddress, tuple[int, GatewayState]] = {}

    def note_gateway(self, address: GatewayAddress, state: GatewayState, received_us: int) -> None:
        """Keep what a gateway says; only registered ones, so that strangers cannot fill the memory."""
        if self._shard().view.gateways.get(address.gateway) == address.facility:
            self._gateways[address] = (received_us, state)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            now_us = self._shard().now_us()
            for point in [self._ingest_point(now_us), *self._gateway_points(now_us)]:
                self._writer.offer(WriteItem((point,), None))
            await self._beat(now_us)
            await self._sleep(self._every_s)

    async def _beat(self, now_us: int) -> None:
        beat = Heartbeat(VERSION, "ingest", self._instance, now_us, note=self._writer.problem[:200])
        try:
            await self._session.publish(heartbeat_topic("ingest", self._instance), pack(beat))
        except Retryable:
            return  # whoever watches sees that it did not come

    def _ingest_point(self, now_us: int) -> Point:
        counters, shard = self._counters, self._shard()
        seen, stored, held = shard.book.totals()
        fields: dict[str, FieldValue] = {
            "messages": counters.messages,
            "samples": counters.samples,
            "repeated": counters.repeated,
            "dead_letters": counters.letters,
            "let_go": counters.let_go,
            "unknown_gateways": counters.unknown_gateways,
            "inbox_dropped": self._session.dropped,
            "seen": seen,
            "stored": stored,
            "held": held,
            "waiting_points": self._writer.waiting_points,
            "store_ok": not self._writer.problem,
            "engine_samples": sum(item.live.count for item in shard.engines.values()),
            "dirty_subjects": sum(item.is_dirty for item in shard.engines.values()),
        }
        return Point(INGEST, (("instance", self._instance),), now_us, fields)

    def _gateway_points(self, now_us: int) -> list[Point]:
        return [
            Point(
                GATEWAY,
                (("facility", address.facility), ("gateway", address.gateway)),
                now_us,
                _gateway_fields(state, now_us - received_us),
            )
            for address, (received_us, state) in self._gateways.items()
        ]


def _gateway_fields(state: GatewayState, age_us: int) -> dict[str, FieldValue]:
    fields: dict[str, FieldValue] = {
        "online": state.online,
        "state_age_s": age_us / US_PER_S,
        "clock_synchronised": state.clock_synchronised,
        "last_seq": state.last_seq,
        "spool_rows": state.spool_rows,
        "spool_bytes": state.spool_bytes,
        "buses_answering": sum(bus.answering for bus in state.buses.values()),
        "buses": len(state.buses),
        "software": state.software,
    }
    if state.spool_hours_left is not None:
        fields["spool_hours_left"] = state.spool_hours_left
    if state.oldest_unstored_us is not None and state.t_us is not None:
        fields["oldest_unstored_s"] = (state.t_us - state.oldest_unstored_us) / US_PER_S
    return fields
