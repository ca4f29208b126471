"""Takes samples from the spool to the centre and acknowledgements back; `window` decides what goes when."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import msgspec

from broker_link import Message, Session
from edge_agent.clock import Clock
from edge_agent.settings import AgentConfig
from edge_agent.spool import Gap, Rows, Spool
from edge_agent.spool_worker import SpoolWorker
from edge_agent.window import Batch, Window
from oxygen.errors import Rejected, Retryable
from oxygen.ranges import Range
from oxygen.units import US_PER_S
from oxygen.wire.batch import to_columns
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import VERSION, Ack, RangeRequest, Samples
from oxygen.wire.topics import Leaf, gateway_topic

_log = logging.getLogger(__name__)
_PAUSE_AFTER_FAILURE_S = 0.5


class _Note(NamedTuple):
    """Something to write into the spool, and what to do in the event loop once it is written."""

    write: Callable[[list[Range]], object]
    ranges: list[Range]
    afterwards: Callable[[list[Range]], None] | None


class Publisher:
    """Sends one gateway's samples; owns the window of the spool's epoch."""

    def __init__(
        self,
        config: AgentConfig,
        session: Session,
        worker: SpoolWorker,
        spool: Spool,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin with what the spool holds; whatever is not stored yet is history."""
        self.window = Window(config.publish, config.batch_s, last_seq=spool.last_seq, stored=spool.stored())
        self._config = config
        self._session = session
        self._worker = worker
        self._spool = spool
        self._clock = clock
        self._sleep = sleep
        self._news = asyncio.Event()
        self._connections = 0
        self._lease_token = 0
        self._topic = gateway_topic(config.address, Leaf.SAMPLES)
        self._handlers: dict[str, Callable[[bytes], None]] = {
            gateway_topic(config.address, Leaf.ACK): self._take_ack,
            gateway_topic(config.address, Leaf.REQUEST): self._take_request,
        }
        self._to_note: asyncio.Queue[_Note] = asyncio.Queue()

    def also_take(self, leaf: Leaf, handler: Callable[[bytes], None]) -> None:
        """Hand the messages of one more topic to `handler`; what it raises as Rejected is logged."""
        self._handlers[gateway_topic(self._config.address, leaf)] = handler

    def committed(self, last_seq: int) -> None:
        """Learn that the spool holds everything up to `last_seq`."""
        self.window.committed(last_seq)
        self._news.set()

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """Return what has to run side by side, endlessly: sending, receiving, remembering."""
        return [self._send_for_ever(), self._receive_for_ever(), self._note_for_ever()]

    async def _send_for_ever(self) -> None:
        while True:
            await self._session.connected.wait()
            if self._session.connections != self._connections:
                self._connections = self._session.connections
                self.window.reconnected()
            self._news.clear()
            batch = self.window.next(self._now_s())
            if batch is None:
                await self._wait()
                continue
            try:
                await self._send(batch)
            except (Retryable, sqlite3.Error) as error:
                _log.debug("batch %d: %s", batch.first, error)
                await self._sleep(_PAUSE_AFTER_FAILURE_S)

    async def _wait(self) -> None:
        """Wait for news, or for the next moment at which something falls due."""
        due_s = self.window.next_due_s() - self._now_s()
        timeout = None if due_s == math.inf else max(due_s, 0.001)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._news.wait()

    async def _send(self, batch: Batch) -> None:
        """Send as much of a batch as one message takes; raises Retryable when the line is down."""
        rows = self._config.publish.max_rows
        piece = await self._worker.call(self._spool.piece, batch.first, batch.last, rows)
        last, payload = self._payload(batch, piece)
        try:
            await self._session.publish(self._topic, payload)
        except Retryable:
            if not self._session.connected.is_set():
                raise
            # Not confirmed in time is not lost: it counts as sent, and is repeated when no answer comes.
        self.window.sent(Batch(batch.first, last, batch.lane), self._now_s())

    def _payload(self, batch: Batch, piece: Rows | Gap) -> tuple[int, bytes]:
        """Return the last number in the message, and its bytes; halves the rows until they fit."""
        message = Samples(
            v=VERSION,
            epoch=self._spool.epoch,
            first=batch.first,
            lane=batch.lane,
            sent_mono_us=self._clock.mono_us(),
            boot=self._clock.boot,
        )
        if isinstance(piece, Gap):
            run = (piece.first, piece.last)
            gap = msgspec.structs.replace(
                message, gap=run, reason=piece.reason, count=piece.last - piece.first + 1
            )
            return piece.last, pack(gap)
        samples = piece.samples
        while True:
            payload = pack(msgspec.structs.replace(message, samples=to_columns(samples)))
            if len(payload) <= self._config.publish.max_payload_bytes or len(samples) == 1:
                return samples[-1].seq, payload
            samples = samples[: (len(samples) + 1) // 2]

    async def _receive_for_ever(self) -> None:
        async for message in self._session.messages():
            self._take(message)

    def _take(self, message: Message) -> None:
        handler = self._handlers.get(message.topic)
        if handler is None:
            return
        try:
            handler(message.payload)
        except Rejected as error:
            _log.warning("%s: %s", message.topic, error)
        self._news.set()

    def _take_ack(self, payload: bytes) -> None:
        ack = unpack(payload, Ack)
        if ack.epoch != self._spool.epoch or self._is_outdated(ack.lease_token):
            return
        stored = self.window.acknowledged(_forward(ack.seen), _forward(ack.stored), self._now_s())
        if stored:
            self._to_note.put_nowait(_Note(self._spool.mark_stored, stored, None))

    def _take_request(self, payload: bytes) -> None:
        request = unpack(payload, RangeRequest)
        if request.epoch == self._spool.epoch and not self._is_outdated(request.lease_token):
            wanted = _forward(request.ranges)
            self._to_note.put_nowait(_Note(self._spool.reset_stored, wanted, self.window.requested))

    def _is_outdated(self, lease_token: int) -> bool:
        """Tell whether an answer comes from a sender that was replaced; 0 is a sender without a lease."""
        if 0 < lease_token < self._lease_token:
            return True
        self._lease_token = max(self._lease_token, lease_token)
        return False

    async def _note_for_ever(self) -> None:
        """Write down, in order, what the centre holds or wants; repeat until the disk takes it."""
        while True:
            note = await self._to_note.get()
            while True:
                try:
                    await self._worker.call(note.write, note.ranges)
                    break
                except sqlite3.Error as error:
                    _log.warning("the spool cannot note what the centre says: %s", error)
                    await self._sleep(_PAUSE_AFTER_FAILURE_S)
            if note.afterwards is not None:
                note.afterwards(note.ranges)
                self._news.set()

    def _now_s(self) -> float:
        return self._clock.mono_us() / US_PER_S


def _forward(ranges: list[Range]) -> list[Range]:
    """Return the ranges; raises Rejected when one runs backwards."""
    for first, last in ranges:
        if last < first:
            raise Rejected(f"range {first}..{last} runs backwards", code="bad_payload", detail="ranges")
    return ranges
