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
    ) -> None:
        """Take one message of a gateway.

        A gateway that the registry does not know, or knows elsewhere, is written down once and not
        acknowledged: it keeps its readings until somebody registers it.

        Raises:
            Rejected: The message's columns do not fit together; the caller writes it down whole.
        """
        self.counters.messages += 1
        if self._shard.view.gateways.get(address.gateway) != address.facility:
            self.counters.unknown_gateways += 1
            self._desks.letters.note_unknown_gateway(address)
            return
        ledger = self._shard.book.of(address.gateway, message.epoch)
        if message.gap is not None:
            self._take_gap(address, message, ledger, received_us)
        context = Context(address, self._shard.view.owners, received_us, self._bounds, history)
        verdict = judge(message, context)
        self._take_letters(verdict.letters, ledger)
        self._take_arrivals(verdict.accepted, ledger, received_us)
        if not history:
            self._desks.acks.due(address, message.epoch)

    def _take_gap(
        self, address: GatewayAddress, message: Samples, ledger: EpochLedger, received_us: int
    ) -> None:
        first, last = message.gap or (0, 0)
        ledger.seen.add(first, last)
        gap = Gap(EpochKey(address.gateway, message.epoch), first, last, message.reason, message.count)
        self._desks.letters.put_gap(gap, received_us)

    def _take_letters(self, letters: list[Letter], ledger: EpochLedger) -> None:
        for letter in letters:
            if letter.first is not None and letter.first in ledger.stored:
                continue
            self.counters.letters += 1
            if letter.first is not None:
                ledger.seen.add(letter.first, letter.last)
            self._desks.letters.put(letter)

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
            self._feed(subject, fresh, ledger, received_us)
        for arrival in again:
            self._store_raw(arrival, ledger, None)
            self._shard.engines[arrival.sample.subject].mark_dirty(arrival.t_us, received_us)

    def _feed(self, subject: str, fresh: list[Arrival], ledger: EpochLedger, received_us: int) -> None:
        engine = self._shard.engines[subject]
        worked = engine.feed(fresh, received_us)
        self.counters.samples += len(fresh)
        derived = {item.arrival.key: item for item in worked}
        for arrival in fresh:
            self._store_raw(arrival, ledger, derived.pop(arrival.key, None))
        self.store_derived(subject, derived.values())
        self._shard.keep_checkpoints(subject, engine.settle())
        if worked:
            self._desks.statuses.consider(subject, worked[-1].arrival, history=fresh[-1].history)
            self._desks.days.touch(subject, engine.live)

    def _store_raw(self, arrival: Arrival, ledger: EpochLedger, worked: Worked | None) -> None:
        subject, seq = arrival.sample.subject, arrival.sample.seq
        facility = self._shard.view.tanks[subject].facility
        points: tuple[Point, ...] = (raw_point(arrival, facility),)
        if worked is not None:
            points = (*points, derived_point(subject, facility, worked.derived))
        ledger.hold(seq)
        mark = Mark(EpochKey(arrival.gateway, arrival.epoch), seq, arrival.t_us)
        if not self._desks.writer.offer(WriteItem(points, mark)):
            self.counters.let_go += 1
            ledger.drop(seq)

    def store_derived(self, subject: str, worked: Iterable[Worked]) -> None:
        """Rewrite derived points whose meaning changed; without room, the past is worked out again later."""
        entry = self._shard.view.tanks[subject]
        for item in worked:
            point = derived_point(subject, entry.facility, item.derived)
            if not self._desks.writer.offer(WriteItem((point,), None)):
                self._shard.engines[subject].mark_dirty(item.arrival.t_us, self._shard.now_us())
