"""Ingest in this process: real desks, records and engines; broker and store are held in a test's hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any
from unittest.mock import patch

from broker_link.session import Message
from broker_link.settings import BrokerSettings
from ingest.service import Ingest
from ingest.settings import IngestSettings
from oxygen.engine import TankState
from oxygen.errors import Retryable
from oxygen.ranges import RangeSet
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import Ack, RangeRequest, Samples, Status
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic
from records import registry as registry_records
from records import status as status_records
from records.database import Database
from records.registry import Registry
from records.status import DeadLetter, DeclaredGap, StatusRow, TankDay
from telemetry.contract import TelemetryStore
from tests.ingest.memory_store import MemoryStore
from tests.ingest.messages import ADDRESS, REGISTRY, SHARD

LONG_S = 2.0
"""Waits from here on do not end by themselves: what they pace is done when a test says so."""
GIVE_UP_S = 20.0


class Broker:
    """Stands for the broker and all gateways: remembers what ingest publishes.

    Attributes:
        up: Whether publishing works.
        seen, stored: By epoch, all that was ever acknowledged so.
        requested: By epoch, all that was asked for again.
        statuses: Wake-ups, in order.
        acks: Acknowledgements, in order.
    """

    def __init__(self) -> None:
        self.up = True
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.acks: list[Ack] = []
        self.seen: dict[str, RangeSet] = defaultdict(RangeSet)
        self.stored: dict[str, RangeSet] = defaultdict(RangeSet)
        self.requested: dict[str, RangeSet] = defaultdict(RangeSet)
        self.statuses: list[Status] = []

    async def publish(self, topic: str, payload: bytes) -> None:
        await asyncio.sleep(0)
        if not self.up:
            raise Retryable("the broker is away", code="broker_down")
        leaf = topic.rsplit("/", 1)[1]
        if leaf == Leaf.ACK.value:
            ack = unpack(payload, Ack)
            self.acks.append(ack)
            self.seen[ack.epoch].update(ack.seen)
            self.stored[ack.epoch].update(ack.stored)
        elif leaf == Leaf.REQUEST.value:
            request = unpack(payload, RangeRequest)
            self.requested[request.epoch].update(request.ranges)
        elif leaf == "status":
            self.statuses.append(unpack(payload, Status))


class _Session:
    """What ingest sees of the broker."""

    def __init__(self, broker: Broker) -> None:
        self.dropped = 0
        self._broker = broker

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self._broker.publish(topic, payload)

    async def messages(self) -> AsyncIterator[Message]:
        while True:
            yield await self._broker.inbox.get()

    async def __aenter__(self) -> _Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Centre:
    """One ingest after another on the same records and store.

    Attributes:
        now_us: The server's clock.
        ingest: The running one.
    """

    def __init__(
        self, database: Database, store: TelemetryStore | None = None, *, now_us: int, **settings: Any
    ) -> None:
        self.database = database
        self.memory = MemoryStore()
        self.store: TelemetryStore = store or self.memory
        self.broker = Broker()
        self.now_us = now_us
        self._settings = IngestSettings(
            shard=SHARD, status_flush_s=0.0, retry_first_s=0.01, retry_cap_s=0.02, **settings
        )
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self.ingest = self._made()

    def _made(self) -> Ingest:
        with patch("ingest.service.Session", lambda *_args, **_named: _Session(self.broker)):
            return Ingest(
                self._settings,
                self.database,
                self.store,
                BrokerSettings(),
                now_us=lambda: self.now_us,
                sleep=self._sleep,
            )

    async def _sleep(self, seconds: float) -> None:
        if seconds >= LONG_S:
            await asyncio.Event().wait()
        await asyncio.sleep(min(seconds, 0.001))

    async def register(self, registry: Registry = REGISTRY) -> None:
        async with self.database.write() as tx:
            await registry_records.import_registry(tx, registry, actor="test", now_us=self.now_us)

    async def start(self) -> None:
        """Start an ingest and wait until it has recovered."""
        self.broker.inbox = asyncio.Queue()
        self._stop = asyncio.Event()
        self.ingest = self._made()
        self._task = asyncio.create_task(self.ingest.run(self._stop))
        await self.until(lambda: self.ingest._shard is not None)

    async def stop(self) -> None:
        """End it in good order."""
        self._stop.set()
        if self._task is not None:
            await self._task
        self._task = None

    async def kill(self) -> None:
        """End it in the middle of whatever it does; nothing is written down."""
        # Between two transactions: cut off in one, SQLite's lock would outlive it in this process.
        async with self.database._turn:
            if self._task is not None:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
            self._task = None

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; fails when it does not come true, or ingest ends before."""
        async with asyncio.timeout(GIVE_UP_S):
            while not condition():
                if self._task is not None and self._task.done():
                    self._task.result()
                    raise AssertionError("ingest has ended")
                await asyncio.sleep(0.001)

    def send(self, message: Samples, address: GatewayAddress = ADDRESS) -> None:
        """Put a message of a gateway into the inbox."""
        self.send_bytes(pack(message), address)

    def send_bytes(self, payload: bytes, address: GatewayAddress = ADDRESS) -> None:
        topic = gateway_topic(address, Leaf.SAMPLES)
        self.broker.inbox.put_nowait(Message(topic, payload, retain=False))

    async def taken(self) -> None:
        """Wait until every message is taken in, however it was judged."""
        await self.until(self.broker.inbox.empty)

    async def quiet(self) -> None:
        """Wait until nothing waits any more for store, records or broker."""
        await self.taken()
        await self.until(self._is_quiet)
        async with self.database._turn:  # what left its queue a moment ago is written now
            pass

    def _is_quiet(self) -> bool:
        ingest = self.ingest
        queues_empty = ingest._letters._waiting.empty() and not ingest._acks._due
        statuses_written = not ingest._statuses._pending and not ingest._statuses._pending_late
        letters_written = ingest._letters.written == ingest._letters.taken
        nothing_waits = ingest.shard().book.totals()[2] == 0 and ingest._writer.waiting_points == 0
        return queues_empty and statuses_written and letters_written and nothing_waits

    async def clean(self) -> None:
        """Let the patience with late data run out, and wait until every past is worked out again."""
        self.now_us += 16 * 60 * 1_000_000
        await self.quiet()
        await self.until(lambda: not any(item.is_dirty for item in self.ingest.shard().engines.values()))
        await self.quiet()

    async def save(self) -> None:
        await self.ingest._keeper.save()

    async def write_days(self) -> None:
        self.ingest._days._touch_open_days()
        await self.ingest._days.write()

    def state(self, subject: str = "tank:a-1") -> TankState:
        return self.ingest.shard().engines[subject].live

    async def letters(self) -> list[DeadLetter]:
        """Return the dead letters, oldest first."""
        async with self.database.read() as tx:
            return list(reversed(await status_records.dead_letters(tx, limit=1000)))

    async def gaps(self) -> list[DeclaredGap]:
        async with self.database.read() as tx:
            return await status_records.gaps(tx)

    async def statuses(self) -> list[StatusRow]:
        async with self.database.read() as tx:
            return await status_records.statuses_after(tx, 0, limit=100_000)

    async def days(self) -> list[TankDay]:
        async with self.database.read() as tx:
            return await status_records.tank_days(tx, since="0000", until="9999")

    def stored_numbers(self) -> list[tuple[str, int]]:
        """Return (epoch, seq) of every raw point of the memory store."""
        rows = self.memory.of("raw")
        return sorted((str(row.fields["epoch"]), int(row.fields["seq"])) for row in rows)
