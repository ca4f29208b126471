"""Sets of sequence numbers as sorted, disjoint, inclusive ranges.

A gateway counts its samples without holes, so what was seen or stored is a handful of ranges however
many millions of samples stand behind them. A range never spans a number that is not in the set:
acknowledging across a hole would free readings that nobody holds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]


class RangeSet:
    """A mutable set of integers kept as ranges; every operation costs O(number of ranges)."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        """Start with some ranges, in any order, overlapping or not."""
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> None:
        """Add first…last inclusive; raises ValueError when last < first."""
        end = first if last is None else last
        if end < first:
            raise ValueError(f"range {first}..{end} runs backwards")
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, end + 1)
        if low < high:
            first = min(first, self._firsts[low])
            end = max(end, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [end]

    def update(self, ranges: Iterable[Range]) -> None:
        """Add every range."""
        for first, last in ranges:
            self.add(first, last)

    def missing(self, first: int, last: int) -> list[Range]:
        """Return the parts of first…last that are not in the set, ascending."""
        holes: list[Range] = []
        cursor = first
        for index in range(bisect_left(self._lasts, first), len(self._firsts)):
            if self._firsts[index] > last:
                break
            if self._firsts[index] > cursor:
                holes.append((cursor, self._firsts[index] - 1))
            cursor = max(cursor, self._lasts[index] + 1)
        if cursor <= last:
            holes.append((cursor, last))
        return holes

    def within(self, first: int, last: int) -> list[Range]:
        """Return the parts of first…last that are in the set, ascending."""
        return [(max(first, low), min(last, high)) for low, high in self if high >= first and low <= last]

    def copy(self) -> RangeSet:
        """Return an independent copy."""
        other = RangeSet()
        other._firsts = self._firsts.copy()
        other._lasts = self._lasts.copy()
        return other

    def __contains__(self, number: int) -> bool:
        """Tell membership in O(log ranges)."""
        index = bisect_left(self._lasts, number)
        return index < len(self._firsts) and self._firsts[index] <= number

    def __iter__(self) -> Iterator[Range]:
        """Yield (first, last), ascending."""
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    def __bool__(self) -> bool:
        """Tell whether there is any number in the set."""
        return bool(self._firsts)

    def count(self) -> int:
        """Return how many numbers are in the set.

        This is not `__len__`: list() would make room for so many, and one range may span 2**53 numbers.
        """
        return sum(last - first + 1 for first, last in self)

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, RangeSet) and list(self) == list(other)

    def __repr__(self) -> str:
        """Show the ranges."""
        return f"RangeSet({list(self)})"

    __hash__ = None  # type: ignore[assignment]
