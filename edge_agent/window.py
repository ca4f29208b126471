"""What to send next: the window of batches that the centre has not seen. Pure.

*Seen* opens the window and frees nothing; *stored* frees. A batch is a run of consecutive numbers. Live
batches go first; history follows one batch at a time and rests after each, so that it takes no more than its
share of the line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from edge_agent.settings import PublishSettings
from oxygen.ranges import Range, RangeSet
from oxygen.wire.payloads import Lane

_SMALLEST_HISTORY_ROWS = 20
_FAST_S = 1.0
_SLOW_S = 3.0
_LONGEST_RESEND_FACTOR = 20


class Batch(NamedTuple):
    """A run of numbers to send, ends included."""

    first: int
    last: int
    lane: Lane


class _Flight(NamedTuple):
    """A batch that was sent and not seen."""

    batch: Batch
    sent_s: float
    due_s: float
    tries: int


class _Seen(NamedTuple):
    """A run that was seen and not stored, and when to doubt that it ever will be."""

    first: int
    last: int
    doubt_s: float


class Window:
    """The state of one epoch's delivery; `now_s` is a monotonic clock everywhere.

    Attributes:
        last_seq: Newest committed number.
        seen: What the centre has validated; forgotten again when it is not stored in time.
        stored: What may be freed.
    """

    def __init__(self, settings: PublishSettings, batch_s: float, *, last_seq: int, stored: RangeSet) -> None:
        """Begin after a start: whatever is on disk and not stored is history."""
        self.last_seq = last_seq
        self.seen = RangeSet()
        self.stored = stored
        self._settings = settings
        self._batch_s = batch_s
        self._flights: list[_Flight] = []
        self._doubts: list[_Seen] = []
        self._doubted: dict[int, int] = {}
        self._live_after = last_seq
        self._live_due_s = -math.inf
        self._live_target = last_seq
        self._answer_s = 0.0
        self._history_rows = min(100, settings.max_rows)
        self._history_rest_until_s = -math.inf

    def committed(self, last_seq: int) -> None:
        """Learn that the spool holds everything up to `last_seq`."""
        self.last_seq = max(self.last_seq, last_seq)

    def next(self, now_s: float) -> Batch | None:
        """Return what to send now, or None; tell `sent` or nothing when it could not be sent."""
        self._doubt(now_s)
        return self._live(now_s) or self._overdue(now_s) or self._history(now_s)

    def next_due_s(self) -> float:
        """Return when `next` may have something without any news; infinity when only news can help."""
        moments = [flight.due_s for flight in self._flights]
        moments += [seen.doubt_s for seen in self._doubts]
        if len(self._flights) < self._settings.max_unseen:
            if self.last_seq > self._live_after:
                moments.append(self._live_due_s)
            if not self._history_flies() and self._history_run() is not None:
                moments.append(self._history_rest_until_s)
        return min(moments, default=math.inf)

    def sent(self, batch: Batch, now_s: float) -> None:
        """Learn that `batch`, or a beginning of what `next` returned, went out."""
        tries = 1
        for flight in self._flights:
            if flight.batch.first == batch.first:
                tries = flight.tries + 1
        self._flights = [flight for flight in self._flights if flight.batch.first != batch.first]
        self._flights.append(_Flight(batch, now_s, now_s + self._patience_s(tries), tries))
        if batch.lane is Lane.LIVE and batch.last > self._live_after:
            self._live_after = batch.last
            whole = batch.last >= self._live_target
            self._live_due_s = now_s + self._batch_s if whole else now_s

    def acknowledged(self, seen: Iterable[Range], stored: Iterable[Range], now_s: float) -> list[Range]:
        """Learn what the centre holds; return what became stored by it, ascending.

        Numbers that were never given out are ignored: a centre that was restored may know another past.
        """
        stored_now = self._known(stored)
        fresh = [hole for first, last in stored_now for hole in self.stored.missing(first, last)]
        self.stored.update(stored_now)
        for first, last in self._known(seen):
            self._note_seen(first, last, now_s)
        self.seen.update(stored_now)
        self._doubts = [part for entry in self._doubts for part in self._not_stored(entry)]
        self._land(now_s)
        return fresh

    def requested(self, ranges: Iterable[Range]) -> None:
        """Learn that the centre wants some numbers again; they go out as history."""
        wanted = RangeSet(self._known(ranges))
        self.stored = _without(self.stored, wanted)
        self.seen = _without(self.seen, wanted)
        self._doubts = [
            _Seen(first, last, entry.doubt_s)
            for entry in self._doubts
            for first, last in wanted.missing(entry.first, entry.last)
        ]

    def reconnected(self) -> None:
        """Learn that the line was broken: what is under way may be lost, so all of it is due."""
        self._flights = [flight._replace(due_s=-math.inf) for flight in self._flights]

    def _overdue(self, now_s: float) -> Batch | None:
        """Return the oldest overdue batch, cut to its first part that is still unseen."""
        overdue = [flight for flight in self._flights if flight.due_s <= now_s]
        if not overdue:
            return None
        flight = min(overdue, key=lambda flight: flight.batch.first)
        first, last = self.seen.missing(flight.batch.first, flight.batch.last)[0]
        if first != flight.batch.first:
            self._flights[self._flights.index(flight)] = flight._replace(
                batch=Batch(first, last, flight.batch.lane)
            )
        return Batch(first, last, flight.batch.lane)

    def _live(self, now_s: float) -> Batch | None:
        if len(self._flights) >= self._settings.max_unseen or now_s < self._live_due_s:
            return None
        # After a pause only the newest rows are live; the rest becomes history by staying behind.
        after = max(self._live_after, self.last_seq - self._settings.max_rows)
        if self.last_seq <= after:
            return None
        self._live_target = self.last_seq
        return Batch(after + 1, self.last_seq, Lane.LIVE)

    def _history(self, now_s: float) -> Batch | None:
        full = len(self._flights) >= self._settings.max_unseen
        if full or self._history_flies() or now_s < self._history_rest_until_s:
            return None
        run = self._history_run()
        return Batch(run[0], min(run[1], run[0] + self._history_rows - 1), Lane.HISTORY) if run else None

    def _history_flies(self) -> bool:
        return any(flight.batch.lane is Lane.HISTORY for flight in self._flights)

    def _history_run(self) -> Range | None:
        """Return the oldest run behind the live rows that is neither seen nor under way."""
        if self._live_after < 1:
            return None
        held = self.seen.copy()
        held.update(self.stored)
        for flight in self._flights:
            held.add(flight.batch.first, flight.batch.last)
        return next(iter(held.missing(1, self._live_after)), None)

    def _note_seen(self, first: int, last: int, now_s: float) -> None:
        """Take a run as seen, and doubt the part that is neither stored nor doubted already after a while."""
        known = self.stored.copy()
        known.update((entry.first, entry.last) for entry in self._doubts)
        for low, high in known.missing(first, last):
            factor = min(2 ** self._doubted.get(low, 0), _LONGEST_RESEND_FACTOR)
            self._doubts.append(_Seen(low, high, now_s + self._settings.resend_unstored_s * factor))
        self.seen.add(first, last)

    def _doubt(self, now_s: float) -> None:
        """Forget as seen what has not been stored for too long: the centre may have restarted."""
        due = [entry for entry in self._doubts if entry.doubt_s <= now_s]
        if not due:
            return
        self._doubts = [entry for entry in self._doubts if entry.doubt_s > now_s]
        for entry in due:
            self._doubted[entry.first] = self._doubted.get(entry.first, 0) + 1
        self.seen = _without(self.seen, RangeSet((entry.first, entry.last) for entry in due))

    def _not_stored(self, entry: _Seen) -> list[_Seen]:
        parts = self.stored.missing(entry.first, entry.last)
        if not parts or parts[0][0] != entry.first:
            self._doubted.pop(entry.first, None)
        return [_Seen(first, last, entry.doubt_s) for first, last in parts]

    def _land(self, now_s: float) -> None:
        """Take batches that were seen whole out of the window, and let history learn the line's pace."""
        flying = []
        for flight in self._flights:
            if self.seen.missing(flight.batch.first, flight.batch.last):
                flying.append(flight)
                continue
            took_s = now_s - flight.sent_s
            if flight.tries == 1:  # the answer to a repeated batch may belong to any of its copies
                self._answer_s += (took_s - self._answer_s) / 4
            if flight.batch.lane is Lane.HISTORY:
                self._pace(took_s, now_s)
        self._flights = flying

    def _patience_s(self, tries: int) -> float:
        """Return the wait for an answer: never shorter than twice what the line has been taking."""
        shortest = max(self._settings.retransmit_s, 2 * self._answer_s)
        return min(shortest * 2.0 ** min(tries - 1, 16), max(self._settings.retransmit_cap_s, shortest))

    def _pace(self, took_s: float, now_s: float) -> None:
        if took_s < _FAST_S:
            self._history_rows = min(self._history_rows * 2, self._settings.max_rows)
        elif took_s > _SLOW_S:
            self._history_rows = max(self._history_rows // 2, _SMALLEST_HISTORY_ROWS)
        share = self._settings.history_share
        self._history_rest_until_s = now_s + took_s * (1.0 / share - 1.0)

    def _known(self, ranges: Iterable[Range]) -> list[Range]:
        cut = ((max(1, first), min(self.last_seq, last)) for first, last in ranges)
        return [(first, last) for first, last in cut if first <= last]


def _without(ranges: RangeSet, taken: RangeSet) -> RangeSet:
    left = RangeSet()
    for first, last in ranges:
        left.update(taken.missing(first, last))
    return left
