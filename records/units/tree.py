"""Where units lie, on a day. Pure, over every unit that was ever known.

Units end, merge and split; a hospital that was entered in a ward of 2021 still has that ward as its place.
What stands for a unit on another day is found by following its successors, or, when it has none, by going
up to the unit above it. Where a unit was split nobody knows which part the place is in: then every part is a
candidate, and an area contains the place only if it contains all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from records.units.structs import Unit

NONE: frozenset[str] = frozenset()
_KEPT = 100_000  # answers; a year of days for a few hundred places


class UnitTree:
    """Every unit with its parents, successors and predecessors; answers from memory."""

    def __init__(self, units: Iterable[Unit]) -> None:
        """Take every unit, ended ones too."""
        self.units = {unit.code: unit for unit in units}
        self._children: dict[str | None, list[str]] = {}
        self._predecessors: dict[str, list[str]] = {}
        for code, unit in self.units.items():
            self._children.setdefault(unit.parent, []).append(code)
            for successor in unit.successors:
                self._predecessors.setdefault(successor, []).append(code)
        self._standing: dict[tuple[str, str], frozenset[str]] = {}

    def at(self, on: str, *, level: str | None = None) -> list[Unit]:
        """Return the units that hold on a day, ordered by code; of one level, if named."""
        found = [unit for unit in self.units.values() if unit.holds(on) and level in (None, unit.level)]
        return sorted(found, key=lambda unit: unit.code)

    def children(self, code: str | None, on: str) -> list[Unit]:
        """Return the units directly below one on a day, ordered by code; below None the uppermost."""
        below = (self.units[child] for child in self._children.get(code, ()))
        return sorted((unit for unit in below if unit.holds(on)), key=lambda unit: unit.code)

    def standing_for(self, code: str, on: str) -> frozenset[str]:
        """Return the units, all holding on that day, one of which the unit's place is in.

        One code when it is certain, several where a unit was split, none when nothing is known.
        """
        known = self._standing.get((code, on))
        if known is None:
            if len(self._standing) >= _KEPT:
                self._standing.clear()
            known = self._standing[code, on] = self._find(code, on, NONE)
        return known

    def _find(self, code: str, on: str, passed: frozenset[str]) -> frozenset[str]:
        unit = self.units.get(code)
        if unit is None or code in passed:
            return NONE
        if unit.holds(on):
            return frozenset((code,))
        turned = unit.successors if unit.valid_from <= on else self._predecessors.get(code, ())
        onward = turned or ((unit.parent,) if unit.parent else ())
        found = [self._find(each, on, passed | {code}) for each in onward]
        return NONE.union(*found) if all(found) else NONE

    def path(self, code: str, on: str) -> list[Unit]:
        """Return the units that a place lies in on a day, from the uppermost to the nearest.

        Empty when the place is unknown; where it is not certain, only the part that is.
        """
        standing = self.standing_for(code, on)
        chains = [self._chain(each, on) for each in sorted(standing)]
        if not chains:
            return []
        return [unit for unit in chains[0] if all(unit in chain for chain in chains[1:])]

    def _chain(self, code: str, on: str) -> list[Unit]:
        chain: list[Unit] = []
        at: str | None = code
        while at is not None and all(at != unit.code for unit in chain):
            unit = self.units[at]
            chain.append(unit)
            above = self.standing_for(unit.parent, on) if unit.parent else NONE
            at = next(iter(above)) if len(above) == 1 else None
        return chain[::-1]

    def contains(self, area: str, place: str, on: str) -> bool:
        """Tell whether a place certainly lies in a unit that holds on that day; a unit contains itself."""
        unit = self.units.get(area)
        return unit is not None and unit.holds(on) and unit in self.path(place, on)

    def covers(self, area: str, place: str) -> bool:
        """Tell whether a place lies in the ground that a unit has, or had on its last day.

        This is for what was given for an area and outlives it: it becomes neither wider nor empty on the day
        that a province is merged into another.
        """
        unit, there = self.units.get(area), self.units.get(place)
        if unit is None or there is None:
            return False
        day = max(unit.valid_from, there.valid_from)
        return self.contains(area, place, day if unit.valid_to is None else min(day, _eve(unit.valid_to)))

    def within(self, area: str, places: Iterable[str], on: str) -> set[str]:
        """Return those places that certainly lie in a unit on a day."""
        return {place for place in set(places) if self.contains(area, place, on)}


def _eve(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
