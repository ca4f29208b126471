"""One message's way through ingest: judge, dedup, feed the engines, hand on to store, letters and statuses.

Everything here happens at once, without waiting; what has to wait stands behind desks and the store's writer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ingest.acknowledging import AckDesk
from ingest.arrival import Arrival, Letter
from ingest.day_desk import DayDesk
from ingest.ledger import EpochKey, EpochLedger
from ingest.letter_desk import Gap, LetterDesk
from ingest.points import derived_point, raw_point
from ingest.shard import Shard
from ingest.status_desk import StatusDesk
from ingest.store_writer import Mark, StoreWriter, WriteItem
from ingest.subject_engine import Worked
from ingest.validation import Bounds, Context, judge
from oxygen.wire.payloads import Samples
from oxygen.wire.topics import GatewayAddress
from telemetry.contract import Point


class Desks(NamedTuple):
    """Where the pipeline leaves what has to wait."""

    writer: StoreWriter
    letters: LetterDesk
    statuses: StatusDesk
    days: DayDesk
    acks: AckDesk


class Taken(NamedTuple):
    """What became of one message.

    Attributes:
        samples: Rows that the engines had not seen before.
        let_go: Rows that nothing had room for; they have to come again.
    """

    samples: int
    let_go: int


class Counters:
    """What passed, for the ingest point."""

    def __init__(self) -> None:
        """Start at zero."""
        self.messages = 0
        self.samples = 0
        self.repeated = 0
        self.letters = 0
        self.let_go = 0
        self.unknown_gateways = 0


class Pipeline:
    """Takes messages, one at a time."""

    def __init__(self, shard: Shard, desks: Desks, bounds: Bounds) -> None:
        """Wire it to the shard and its desks."""
        self.counters = Counters()
        self._shard = shard
        self._desks = desks
        self._bounds = bounds

    def accept(
        self, address: GatewayAddress, message: Samples, received_us: int, *, history: bool = False
    ) -> Taken:
        """Take one message of a gateway.

        A gateway that the registry does not know, or knows elsewhere, is written down once and not
        acknowledged: it keeps its readings until somebody registers it.

        Raises:
            Rejected: The message's columns do not fit together, or its gap runs backwards; nothing of it was
                taken, and the caller writes it down whole.
        """
        self.counters.messages += 1
        if self._shard.view.gateways.get(address.gateway) != address.facility:
            self.counters.unknown_gateways += 1
            self._desks.letters.note_unknown_gateway(address)
            return Taken(0, 0)
        context = Context(address, self._shard.view.owners, received_us, self._bounds, history)
        verdict = judge(message, context)
        ledger = self._shard.book.of(address.gateway, message.epoch)
        samples, let_go = self.counters.samples, self.counters.let_go
        if message.gap is not None:
            self._take_gap(EpochKey(address.gateway, message.epoch), message, ledger, received_us)
        self._take_letters(verdict.letters, ledger)
        self._take_arrivals(verdict.accepted, ledger, received_us)
        if not history:
            self._desks.acks.due(address, message.epoch)
        return Taken(self.counters.samples - samples, self.counters.let_go - let_go)

    def _take_gap(self, key: EpochKey, message: Samples, ledger: EpochLedger, received_us: int) -> None:
        """Have the numbers of a gap written down that are not in the store, nor on their way."""
        first, last = message.gap or (1, 0)
        for low, high in ledger.unaccounted(first, last):
            count = message.count if (low, high) == (first, last) else high - low + 1
            self._desks.letters.put_gap(Gap(key, low, high, message.reason, count), received_us)
        ledger.seen.add(first, last)

    def _take_letters(self, letters: list[Letter], ledger: EpochLedger) -> None:
        for letter in letters:
            if letter.first is not None and letter.first in ledger.stored:
                continue
            self.counters.letters += 1
            if letter.first is not None:
                ledger.seen.add(letter.first, letter.last)
            if not self._desks.letters.put(letter):
                self.counters.let_go += 1

    def _take_arrivals(self, arrivals: list[Arrival], ledger: EpochLedger, received_us: int) -> None:
        new: dict[str, list[Arrival]] = {}
        again: list[Arrival] = []
        for arrival in arrivals:
            seq = arrival.sample.seq
            if seq in ledger.stored or seq in ledger.held:
                self.counters.repeated += 1
            elif seq in ledger.seen:
                again.append(arrival)
            else:
                new.setdefault(arrival.sample.subject, []).append(arrival)
        for subject, fresh in new.items():
            self.counters.samples += len(fresh)
            if subject in self._shard.engines:
                self._feed(subject, fresh, ledger, received_us)
            else:
                self._keep(fresh, ledger)
        for arrival in again:
            engine = self._shard.engines.get(arrival.sample.subject)
            if self._store_raw(arrival, ledger, None) and engine is not None:
                engine.mark_dirty(arrival.t_us, received_us)

    def _keep(self, fresh: list[Arrival], ledger: EpochLedger) -> None:
        """Store what cannot be weighed as its tank is registered; a replay weighs it one day."""
        for arrival in fresh:
            self._store_raw(arrival, ledger, None)

    def _feed(self, subject: str, fresh: list[Arrival], ledger: EpochLedger, received_us: int) -> None:
        engine = self._shard.engines[subject]
        history = fresh[-1].history
        # History is told sample by sample; what is live matters as it stands after the message.
        portions = [[arrival] for arrival in fresh] if history else [fresh]
        for portion in portions:
            worked = engine.feed(portion, received_us)
            derived = {item.arrival.key: item for item in worked}
            for arrival in portion:
                self._store_raw(arrival, ledger, derived.pop(arrival.key, None))
            self.store_derived(subject, derived.values())
            if worked:
                self._desks.statuses.consider(subject, worked[-1].arrival, history=history)
                self._desks.days.touch(subject, engine.live)
        engine.settle()

    def _store_raw(self, arrival: Arrival, ledger: EpochLedger, worked: Worked | None) -> bool:
        subject, seq = arrival.sample.subject, arrival.sample.seq
        facility = self._shard.facility(subject)
        points: tuple[Point, ...] = (raw_point(arrival, facility),)
        if worked is not None:
            points = (*points, derived_point(subject, facility, worked.derived))
        ledger.hold(seq)
        mark = Mark(EpochKey(arrival.gateway, arrival.epoch), seq, subject, arrival.t_us)
        taken = self._desks.writer.offer(WriteItem(points, mark))
        if not taken:
            self.counters.let_go += 1
            ledger.drop(seq)
        return taken

    def store_derived(self, subject: str, worked: Iterable[Worked]) -> None:
        """Rewrite derived points whose meaning changed; without room, the past is worked out again later."""
        facility = self._shard.facility(subject)
        for item in worked:
            point = derived_point(subject, facility, item.derived)
            if not self._desks.writer.offer(WriteItem((point,), None)):
                self._shard.engines[subject].mark_dirty(item.arrival.t_us, self._shard.now_us())
