"""A gateway that exists only as a program: it sends, repeats what is not stored, and answers requests."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import msgspec

from broker_link.session import Session
from broker_link.settings import BrokerSettings
from oxygen.errors import Retryable
from oxygen.ranges import RangeSet
from oxygen.reading import Sample, Signal
from oxygen.wire.packing import pack, unpack
from oxygen.wire.payloads import Ack, RangeRequest, Samples, Status
from oxygen.wire.topics import GatewayAddress, Leaf, all_statuses, gateway_topic
from tests.ingest.messages import ADDRESS, batch, gap

ROWS = 20
REPEAT_S = 0.7


class FakeGateway:
    """One epoch of samples, kept for ever.

    Attributes:
        samples: By number.
        stored: What was acknowledged as stored.
        statuses: Wake-ups that came over the broker.
    """

    def __init__(self, port: int, epoch: str, seed: int, address: GatewayAddress = ADDRESS) -> None:
        self.samples: dict[int, Sample] = {}
        self.gaps: list[tuple[int, int]] = []
        self.stored = RangeSet()
        self.statuses: list[Status] = []
        self.epoch = epoch
        self._address = address
        self._chance = random.Random(seed)
        self._sent_s: dict[int, float] = {}
        topics = [gateway_topic(address, leaf) for leaf in (Leaf.ACK, Leaf.REQUEST)]
        self.session = Session(
            BrokerSettings(port=port, backoff_first_s=0.1, backoff_cap_s=0.5),
            client_id=f"fake-{epoch}",
            subscriptions=(*topics, all_statuses()),
        )

    @property
    def last_seq(self) -> int:
        return max([*self.samples, *(last for _, last in self.gaps)], default=0)

    def read(self, subject: str, t_us: int | None, signals: dict[str, Signal]) -> None:
        """Take a sample under the next number."""
        mono_us = time.monotonic_ns() // 1000
        self._add(Sample(subject, self.last_seq + 1, t_us, "boot-1", mono_us, signals))

    def _add(self, sample: Sample) -> None:
        self.samples[sample.seq] = sample

    def lose(self, count: int) -> None:
        """Have numbers that hold nothing any more, and declare them."""
        first = self.last_seq + 1
        self.gaps.append((first, first + count - 1))

    async def run(self) -> None:
        """Send and listen until cancelled."""
        async with self.session, asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._send_for_ever())

    async def _listen(self) -> None:
        async for message in self.session.messages():
            leaf = message.topic.rsplit("/", 1)[1]
            if leaf == Leaf.ACK.value:
                ack = unpack(message.payload, Ack)
                if ack.epoch == self.epoch:
                    self.stored.update(ack.stored)
            elif leaf == Leaf.REQUEST.value:
                self._send_again(unpack(message.payload, RangeRequest))
            else:
                self.statuses.append(unpack(message.payload, Status))

    def _send_again(self, request: RangeRequest) -> None:
        if request.epoch != self.epoch:
            return
        wanted = RangeSet(request.ranges)
        left = RangeSet()
        for first, last in self.stored:
            left.update(wanted.missing(first, last))
        self.stored = left

    async def _send_for_ever(self) -> None:
        """Send what is not stored, the newest first and in no good order, some of it twice."""
        topic = gateway_topic(self._address, Leaf.SAMPLES)
        while True:
            messages = self._due()
            messages += self._chance.sample(messages, len(messages) // 4)
            self._chance.shuffle(messages)
            for message in messages:
                mono_us = time.monotonic_ns() // 1000
                await self._publish(topic, pack(msgspec.structs.replace(message, sent_mono_us=mono_us)))
            if self._chance.random() < 0.2:
                await self._publish(topic, self._chance.randbytes(50))
            await asyncio.sleep(0.05)

    async def _publish(self, topic: str, payload: bytes) -> None:
        with contextlib.suppress(Retryable):
            await self.session.publish(topic, payload)

    def _due(self) -> list[Samples]:
        now_s = time.monotonic()
        due = [
            seq
            for seq in sorted(self.samples, reverse=True)
            if seq not in self.stored and now_s - self._sent_s.get(seq, 0.0) > REPEAT_S
        ]
        messages = [gap(*run, epoch=self.epoch) for run in self.gaps if self.stored.missing(*run)]
        for first, last in list(RangeSet((seq, seq) for seq in due[: 4 * ROWS])):
            for start in range(first, last + 1, ROWS):
                run = [self.samples[seq] for seq in range(start, min(start + ROWS, last + 1))]
                messages.append(batch(run, epoch=self.epoch))
                self._sent_s.update(dict.fromkeys(range(start, start + len(run)), now_s))
        return messages

    def all_stored(self) -> bool:
        return self.last_seq > 0 and not self.stored.missing(1, self.last_seq)
