"""One subject's engine with its reorder window. No I/O.

Samples of the last fifteen minutes (by their own times) stay in a window and may still arrive in any order:
the live state is the settled state with the sorted window folded on top. What comes later than that makes the
past *dirty*; `ingest.replay` then restores a checkpoint and folds the stored samples again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from ingest.arrival import Arrival
from oxygen import engine
from oxygen.engine import Derived, OrderKey, TankState
from oxygen.tank import Tank
from oxygen.units import US_PER_HOUR, US_PER_S

REORDER_WINDOW_US = 15 * 60 * US_PER_S
SETTLE_STEP_US = 60 * US_PER_S


class Worked(NamedTuple):
    """An arrival and what it means."""

    arrival: Arrival
    derived: Derived


class Checkpoint(NamedTuple):
    """The fold of every sample before `at_us`."""

    at_us: int
    body: bytes


class LateSpan(NamedTuple):
    """Times between which samples came too late, inclusive."""

    first_us: int
    last_us: int


class SubjectEngine:
    """Folds one subject's samples in their own order.

    Attributes:
        tank: What is being weighed; replaced when the registry changes.
        live: State after every sample that is not late.
        settled_until_us: Samples before this are folded for good; later ones may come in any order.
        late: Span of samples that came too late since the last replay began, or None.
        late_since_us: Server time at which the first of them came.
        dirty_from_us: From here on checkpoints and derived points are not to be trusted; None when all are.
    """

    def __init__(self, subject: str, tank: Tank, checkpoint: Checkpoint | None) -> None:
        """Start from a checkpoint, or from nothing."""
        self.subject = subject
        self.tank = tank
        self.settled_until_us = checkpoint.at_us if checkpoint else 0
        self.late: LateSpan | None = None
        self.late_since_us = 0
        self._settled = engine.load(checkpoint.body) if checkpoint else TankState()
        self.live = engine.copy(self._settled)
        self._window: list[tuple[OrderKey, Arrival]] = []
        self._replaying_from_us: int | None = None

    @property
    def dirty_from_us(self) -> int | None:
        """See the class."""
        starts = [self._replaying_from_us, self.late.first_us if self.late else None]
        return min((start for start in starts if start is not None), default=None)

    def feed(self, arrivals: list[Arrival], received_us: int) -> list[Worked]:
        """Take samples that were never fed before; return what they, and those after them, now mean.

        Late ones are only noted: they have no meaning before the replay.
        """
        fresh = sorted((a.key, a) for a in arrivals if a.t_us >= self.settled_until_us)
        self._note_late([a.t_us for a in arrivals if a.t_us < self.settled_until_us], received_us)
        if not fresh:
            return []
        in_order = not self._window or fresh[0][0] > self._window[-1][0]
        if in_order and (self.live.last_key is None or fresh[0][0] > self.live.last_key):
            self._window.extend(fresh)
            return [self._advance(key, arrival) for key, arrival in fresh]
        for entry in fresh:
            insort(self._window, entry)
        return self._fold_again(bisect_left(self._window, fresh[0]))

    def _advance(self, key: OrderKey, arrival: Arrival) -> Worked:
        return Worked(arrival, engine.advance(self.live, arrival.sample, key, self.tank))

    def _fold_again(self, changed_from: int) -> list[Worked]:
        self.live = engine.copy(self._settled)
        worked = [self._advance(key, arrival) for key, arrival in self._window]
        return worked[changed_from:]

    def _note_late(self, times_us: list[int], received_us: int) -> None:
        if not times_us:
            return
        if self.late is None:
            self.late, self.late_since_us = LateSpan(min(times_us), max(times_us)), received_us
        else:
            self.late = LateSpan(min(self.late.first_us, *times_us), max(self.late.last_us, *times_us))

    def mark_dirty(self, t_us: int, received_us: int) -> None:
        """Have the past worked out again from `t_us`; nothing came late, but derived points were lost."""
        self._note_late([t_us], received_us)

    def settle(self) -> list[Checkpoint]:
        """Fold what left the window for good; return a checkpoint for every hour that it completed.

        While the past is dirty there are none: they would lack the late samples.
        """
        if self._replaying_from_us is not None or not self._window:
            return []
        horizon_us = self._window[-1][1].t_us - REORDER_WINDOW_US
        if horizon_us < self.settled_until_us + SETTLE_STEP_US:
            return []
        leaving = bisect_left(self._window, ((horizon_us, "", 0),))
        checkpoints: list[Checkpoint] = []
        for _, arrival in self._window[:leaving]:
            checkpoint, _ = self.advance_settled(self._settled, arrival)
            if checkpoint is not None and self.late is None:
                checkpoints.append(checkpoint)
        del self._window[:leaving]
        self.settled_until_us = horizon_us
        return checkpoints

    def advance_settled(self, state: TankState, arrival: Arrival) -> tuple[Checkpoint | None, Derived]:
        """Fold one sample for good; the first of a new hour gives a checkpoint of the hours before."""
        key = arrival.key
        checkpoint = None
        hour_us = key[0] - key[0] % US_PER_HOUR
        if state.last_key is not None and state.last_key[0] < hour_us:
            checkpoint = Checkpoint(hour_us, engine.dump(state))
        return checkpoint, engine.advance(state, arrival.sample, key, self.tank)

    def start_replay(self) -> LateSpan:
        """Stop settling until `finish_replay`; return the late span, which the replay accounts for.

        Raises ValueError when nothing came late.
        """
        if self.late is None:
            raise ValueError(f"{self.subject} has no late samples")
        span, self.late = self.late, None
        self._replaying_from_us = span.first_us
        return span

    def finish_replay(self, settled: TankState) -> list[Worked]:
        """Put the replay's result under the window; return what the window's samples now mean."""
        self._replaying_from_us = None
        self._settled = settled
        return self._fold_again(0)

    def abandon_replay(self, span: LateSpan, received_us: int) -> None:
        """Note the span as late again; the replay failed and has to be done once more."""
        self._replaying_from_us = None
        self._note_late([span.first_us, span.last_us], received_us)

    def skip_to(self, t_us: int, received_us: int) -> None:
        """Leave everything before `t_us` to a replay: the store could not be read at start-up."""
        self._note_late([self.settled_until_us, t_us - 1], received_us)
        self.settled_until_us = t_us
