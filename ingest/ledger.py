"""Which samples of each epoch were seen and which are stored. No I/O.

`seen` opens a gateway's send window; `stored` alone lets it free rows. `held` are those on their way into
the store: a row that is seen, neither stored nor held, was dropped under load and is taken again when it
comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from oxygen.ranges import Range, RangeSet


class EpochKey(NamedTuple):
    """Whose count, and which."""

    gateway: str
    epoch: str


class EpochLedger:
    """The account of one epoch.

    Attributes:
        seen, stored: See the module.
        held: Numbers waiting for the store.
        unsaved: Something was stored since the ledger was last saved.
        hole_since_us: Since when there is a hole below the highest number seen; None without one.
    """

    __slots__ = ("held", "hole_since_us", "seen", "stored", "unsaved")

    def __init__(self, stored: Iterable[Range] = ()) -> None:
        """Start from the saved ranges; what is stored has been seen."""
        self.stored = RangeSet(stored)
        self.seen = self.stored.copy()
        self.held: set[int] = set()
        self.unsaved = False
        self.hole_since_us: int | None = None

    def hold(self, seq: int) -> None:
        """Note a number as seen and on its way into the store."""
        self.seen.add(seq)
        self.held.add(seq)

    def confirm(self, first: int, last: int) -> None:
        """Note numbers as stored, dead-lettered or declared missing; their rows are committed."""
        self.seen.add(first, last)
        self.stored.add(first, last)
        if last - first < len(self.held):
            self.held.difference_update(range(first, last + 1))
        else:
            self.held = {seq for seq in self.held if not first <= seq <= last}
        self.unsaved = True

    def unaccounted(self, first: int, last: int) -> list[Range]:
        """Return the parts of a run that are neither stored nor on their way into the store."""
        accounted = self.stored.copy()
        for seq in self.held:
            if first <= seq <= last:
                accounted.add(seq)
        return accounted.missing(first, last)

    def drop(self, seq: int) -> None:
        """Note that a held number could not be kept; it is still seen, and will be taken again."""
        self.held.discard(seq)

    def highest(self) -> int:
        """Return the highest number seen, 0 when there is none."""
        return max((last for _, last in self.seen), default=0)

    def holes(self) -> list[Range]:
        """Return the numbers below the highest one that were never seen."""
        return self.seen.missing(1, self.highest())

    def settled(self) -> bool:
        """Tell whether everything seen is stored and there is no hole."""
        return not self.held and self.seen.count() == self.stored.count() and not self.holes()


class Book:
    """All ledgers of a shard."""

    def __init__(self, saved: Mapping[EpochKey, Iterable[Range]]) -> None:
        """Start from what was saved."""
        self._ledgers = {key: EpochLedger(ranges) for key, ranges in saved.items()}

    def of(self, gateway: str, epoch: str) -> EpochLedger:
        """Return the ledger of an epoch, a new one when it was never heard of."""
        return self._ledgers.setdefault(EpochKey(gateway, epoch), EpochLedger())

    def of_gateway(self, gateway: str) -> list[EpochLedger]:
        """Return every ledger of one gateway."""
        return [ledger for key, ledger in self._ledgers.items() if key.gateway == gateway]

    def items(self) -> Iterator[tuple[EpochKey, EpochLedger]]:
        """Yield every ledger with its key."""
        yield from list(self._ledgers.items())

    def totals(self) -> tuple[int, int, int]:
        """Return (seen, stored, held) over all epochs."""
        ledgers = self._ledgers.values()
        return (
            sum(ledger.seen.count() for ledger in ledgers),
            sum(ledger.stored.count() for ledger in ledgers),
            sum(len(ledger.held) for ledger in ledgers),
        )
