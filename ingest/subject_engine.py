"""One subject's engine with its reorder window. No I/O.

Samples of the last fifteen minutes (by their own times) stay in a window and may still arrive in any order:
the live state is the settled state with the sorted window folded on top. What comes later than that makes the
past *dirty*; `ingest.replay` then restores a checkpoint and folds the stored samples again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from ingest.arrival import Arrival
from ingest.checkpoints import Checkpoint, Shelf
from oxygen import engine
from oxygen.engine import Derived, OrderKey, TankState
from oxygen.tank import Tank
from oxygen.units import US_PER_HOUR, US_PER_S

REORDER_WINDOW_US = 15 * 60 * US_PER_S
SETTLE_STEP_US = 60 * US_PER_S
MOST_FOLDED_AGAIN = 2000
"""Samples in a window that is folded again for one out of order: the window's length at two a second. Without
a bound one gateway could keep the whole shard folding."""


class Worked(NamedTuple):
    """An arrival and what it means."""

    arrival: Arrival
    derived: Derived


class LateSpan(NamedTuple):
    """Times between which samples came too late, inclusive."""

    first_us: int
    last_us: int

    def with_(self, other: LateSpan | None) -> LateSpan:
        """Return the span of both."""
        if other is None:
            return self
        return LateSpan(min(self.first_us, other.first_us), max(self.last_us, other.last_us))


class DirtyPast(NamedTuple):
    """What a replay has to mend.

    Attributes:
        from_us: Samples from here on do not mean what was made of them, or nothing was made of them.
        late: Where samples came too late, which readers of statuses have to be told; None when none did.
    """

    from_us: int
    late: LateSpan | None

    def with_(self, other: DirtyPast | None) -> DirtyPast:
        """Return what both say."""
        if other is None:
            return self
        late = self.late.with_(other.late) if self.late else other.late
        return DirtyPast(min(self.from_us, other.from_us), late)


class SubjectEngine:
    """Folds one subject's samples in their own order.

    Attributes:
        tank: What is being weighed; replaced when the registry changes.
        live: State after every sample that is not late.
        settled_until_us: Samples before this are folded for good; later ones may come in any order.
        past: What the next replay has to mend, or None.
        dirty_since_us: Server time at which that began.
        complete: False when samples were left out of `live` until a replay brings them in.
        shelf: Checkpoints to be saved.
    """

    def __init__(self, subject: str, tank: Tank, checkpoint: Checkpoint | None) -> None:
        """Start from a checkpoint, or from nothing."""
        self.subject = subject
        self.tank = tank
        self.settled_until_us = checkpoint.at_us if checkpoint else 0
        self.past: DirtyPast | None = None
        self.dirty_since_us = 0
        self.complete = True
        self.shelf = Shelf()
        self._settled = engine.load(checkpoint.body) if checkpoint else TankState()
        self.live = engine.copy(self._settled)
        self._window: list[tuple[OrderKey, Arrival]] = []
        self._replaying: DirtyPast | None = None

    @property
    def is_dirty(self) -> bool:
        """Tell whether a replay is to be done or being done."""
        return self.past is not None or self._replaying is not None

    def dirty_only_since(self, t_us: int) -> bool:
        """Tell whether everything that made the past dirty came at or after a server time."""
        return self._replaying is None and self.dirty_since_us >= t_us

    @property
    def late_to_tell(self) -> LateSpan | None:
        """The late samples that no finished replay has told of yet."""
        both = [past.late for past in (self.past, self._replaying) if past is not None and past.late]
        return both[0].with_(both[-1]) if both else None

    def feed(self, arrivals: list[Arrival], received_us: int) -> list[Worked]:
        """Take samples that were never fed before; return what they, and those after them, now mean.

        Late ones are only noted: they have no meaning before the replay.
        """
        late = [a.t_us for a in arrivals if a.t_us < self.settled_until_us]
        if late:
            self.note_late(LateSpan(min(late), max(late)), received_us)
        fresh = sorted((a.key, a) for a in arrivals if a.t_us >= self.settled_until_us)
        if not fresh:
            return []
        in_order = not self._window or fresh[0][0] > self._window[-1][0]
        if in_order and (self.live.last_key is None or fresh[0][0] > self.live.last_key):
            self._window.extend(fresh)
            return [self._advance(key, arrival) for key, arrival in fresh]
        if len(self._window) > MOST_FOLDED_AGAIN and self._replaying is None:
            self._close_window()
            return self.feed(arrivals, received_us)
        for entry in fresh:
            insort(self._window, entry)
        return self._fold_again(bisect_left(self._window, fresh[0]))

    def _advance(self, key: OrderKey, arrival: Arrival) -> Worked:
        return Worked(arrival, engine.advance(self.live, arrival.sample, key, self.tank))

    def _fold_again(self, changed_from: int) -> list[Worked]:
        self.live = engine.copy(self._settled)
        worked = [self._advance(key, arrival) for key, arrival in self._window]
        return worked[changed_from:]

    def note_late(self, span: LateSpan, received_us: int) -> None:
        """Have the past worked out again, and told, because samples came too late."""
        self._note(DirtyPast(span.first_us, span), received_us)

    def mark_dirty(self, t_us: int, received_us: int) -> None:
        """Have the past worked out again from `t_us`; nothing came late, but something was lost."""
        self._note(DirtyPast(t_us, None), received_us)

    def _note(self, past: DirtyPast, received_us: int) -> None:
        if self.past is None:
            self.dirty_since_us = received_us
        self.past = past.with_(self.past)
        self.shelf.invalidate(past.from_us)

    def forget(self, key: OrderKey, received_us: int) -> None:
        """Take a sample out again that the store will never hold."""
        self._window = [entry for entry in self._window if entry[0] != key]
        self._fold_again(0)
        self.mark_dirty(key[0], received_us)

    def settle(self) -> None:
        """Fold what left the window for good, with a checkpoint for every hour that it completed.

        While the past is dirty there are none: they would lack the late samples.
        """
        if self._replaying is not None or not self._window:
            return
        horizon_us = self._window[-1][1].t_us - REORDER_WINDOW_US
        if horizon_us < self.settled_until_us + SETTLE_STEP_US:
            return
        leaving = bisect_left(self._window, ((horizon_us, "", 0),))
        for _, arrival in self._window[:leaving]:
            checkpoint, _ = self.advance_settled(self._settled, arrival)
            if checkpoint is not None and self.past is None:
                self.shelf.add([checkpoint])
        del self._window[:leaving]
        self.settled_until_us = horizon_us

    def _close_window(self) -> None:
        """Fold the whole window for good: with so many samples in it, disorder is a replay's work."""
        for _, arrival in self._window:
            checkpoint, _ = self.advance_settled(self._settled, arrival)
            if checkpoint is not None and self.past is None:
                self.shelf.add([checkpoint])
        self.settled_until_us = self._window[-1][1].t_us + 1
        self._window.clear()

    def advance_settled(self, state: TankState, arrival: Arrival) -> tuple[Checkpoint | None, Derived]:
        """Fold one sample for good; the first of a new hour gives a checkpoint of the hours before."""
        key = arrival.key
        checkpoint = None
        hour_us = key[0] - key[0] % US_PER_HOUR
        if state.last_key is not None and state.last_key[0] < hour_us:
            checkpoint = Checkpoint(hour_us, engine.dump(state))
        return checkpoint, engine.advance(state, arrival.sample, key, self.tank)

    def start_replay(self) -> DirtyPast:
        """Stop settling until the replay ends; return what it has to mend.

        Raises ValueError when nothing is dirty.
        """
        if self.past is None:
            raise ValueError(f"{self.subject} has no dirty past")
        self._replaying, self.past = self.past, None
        return self._replaying

    def finish_replay(self, settled: TankState, checkpoints: list[Checkpoint]) -> list[Worked]:
        """Put the replay's result under the window; return what the window's samples now mean."""
        self._replaying = None
        self.complete = True
        dirty_again = self.past
        self.shelf.add([c for c in checkpoints if dirty_again is None or c.at_us <= dirty_again.from_us])
        self._settled = settled
        return self._fold_again(0)

    def abandon_replay(self) -> None:
        """The replay failed and has to be done once more."""
        failed, self._replaying = self._replaying, None
        if failed is not None:
            self.past = failed.with_(self.past)

    def skip_to(self, t_us: int, received_us: int) -> None:
        """Leave everything before `t_us` to a replay, because it cannot be read now."""
        self.mark_dirty(self.settled_until_us, received_us)
        self.complete = False
        self._settled = engine.copy(self.live)
        self._window.clear()
        self.settled_until_us = t_us
