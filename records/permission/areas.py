"""Which administrative units a facility lies in, by its place and by the area of its governing body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Protocol

from records.registry import Facility
from records.units import UnitTree

NONE: frozenset[str] = frozenset()


class Areas(Protocol):
    """Answers from memory, for one version of the registry and one day."""

    def knows(self, unit: str) -> bool:
        """Tell whether there is, or was, a unit of that code."""
        ...

    def above(self, unit: str) -> frozenset[str]:
        """Return every unit whose ground holds a unit, itself among them."""
        ...

    def choices(self) -> tuple[str, ...]:
        """Return the codes of the uppermost units of the day, for lists that people choose from."""
        ...

    def name(self, unit: str, locale: str) -> str:
        """Return a unit's name; its code when it has none."""
        ...

    def of_place(self, facility: Facility) -> frozenset[str]:
        """Return every unit whose ground holds the facility; maps and alarms follow it."""
        ...

    def of_body(self, facility: Facility) -> frozenset[str]:
        """Return every unit whose ground holds the area of the facility's governing body."""
        ...


class UnitAreas:
    """Areas by the registered units. A place that is no unit lies in itself and in its facility's shard.

    A grant for a unit that has ended goes on over the ground that it had on its last day, and one for the
    unit that took it over holds the same facilities: nobody loses a view on the day of a merger.

    Without a governing body reporting follows the place; with one whose area nobody knows, as a ministry's,
    it is in no unit's line.
    """

    def __init__(
        self, tree: UnitTree, facilities: tuple[Facility, ...], bodies: Mapping[str, str], today: date
    ) -> None:
        """Take the units, the registered facilities, and the area of each body that has one."""
        self._tree = tree
        self._bodies = bodies
        self._today = today.isoformat()
        ends = {date.fromisoformat(unit.valid_to) for unit in tree.units.values() if unit.valid_to}
        self._days = sorted({self._today, *((end - timedelta(days=1)).isoformat() for end in ends)})
        self._above: dict[str, frozenset[str]] = {}
        self._plain = frozenset(code for each in facilities for code in self._unlisted(each))

    def knows(self, unit: str) -> bool:
        """Tell whether a code is a unit's, or names the place or shard of some facility."""
        return unit in self._tree.units or unit in self._plain

    def above(self, unit: str) -> frozenset[str]:
        """Return every unit whose ground holds a unit, now or on its own last day; itself among them."""
        known = self._above.get(unit)
        if known is None:
            paths = (self._tree.path(unit, day) for day in self._days)
            near = {each.code for path in paths for each in path}
            known = frozenset({unit, *(code for code in near if self._tree.covers(code, unit))})
            self._above[unit] = known
        return known

    def choices(self) -> tuple[str, ...]:
        """Return the uppermost units that hold today; without any, the places and shards of facilities."""
        tops = tuple(unit.code for unit in self._tree.children(None, self._today))
        return tops or tuple(sorted(self._plain))

    def name(self, unit: str, locale: str) -> str:
        """Return a unit's name in a language; its code when it has none."""
        known = self._tree.units.get(unit)
        if known is None:
            return unit
        return (known.name_vi if locale == "vi" else known.name_en) or unit

    def of_place(self, facility: Facility) -> frozenset[str]:
        """Return every unit whose ground holds the facility."""
        place = facility.unit or facility.place
        return self.above(place) if place in self._tree.units else self._unlisted(facility)

    def of_body(self, facility: Facility) -> frozenset[str]:
        """Return every unit whose ground holds the area of the governing body."""
        body = body_of(facility)
        if not body:
            return self.of_place(facility)
        area = self._bodies.get(body)
        return self.above(area) if area else NONE

    def _unlisted(self, facility: Facility) -> frozenset[str]:
        place = facility.unit or facility.place
        return NONE if place in self._tree.units else frozenset((place, facility.shard)) - {""}


def body_of(facility: Facility) -> str:
    """Return the code of a facility's governing body, or its name as long as it has no code; may be empty."""
    return facility.body or facility.governing_body


def contains(areas: Areas, unit: str, facility: Facility) -> bool:
    """Tell whether a unit's ground holds the place of a facility."""
    return unit in areas.of_place(facility)
