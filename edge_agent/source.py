"""The seam between the poll loop and a field bus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from edge_agent.decoder import PointValue
from edge_agent.settings import TankConfig
from oxygen.devices import DeviceProfile, Point


class Unit(NamedTuple):
    """One instrument on a bus, and the tanks that it measures.

    Attributes:
        number: Modbus unit identifier.
        profile: Its register map.
        points: What has to be read, each once.
        tanks: Tanks that are made of these points.
    """

    number: int
    profile: DeviceProfile
    points: tuple[Point, ...]
    tanks: tuple[TankConfig, ...]


class UnitReading(NamedTuple):
    """One unit in one bus cycle.

    Attributes:
        values: By point name; every point asked for is there, without a value when it was not read.
        error: What went wrong, in English for the log; empty when every point was read.
    """

    values: dict[str, PointValue]
    error: str


class BusSource(Protocol):
    """A field bus; its one owner never calls two methods at once."""

    async def read(self, unit: Unit) -> UnitReading:
        """Read all points of a unit, connecting first when needed.

        What fails becomes a point without a value; only cancellation is raised. It returns within a few
        time-outs of the bus, so that one dead unit costs the others little.
        """

    async def close(self) -> None:
        """Let go of the bus; safe to repeat, and `read` may follow."""


def units_of(tanks: Iterable[TankConfig]) -> list[Unit]:
    """Return the instruments behind some tanks of one bus, in order of first mention."""
    groups: dict[tuple[int, str], list[TankConfig]] = {}
    for tank in tanks:
        groups.setdefault((tank.unit, tank.profile.name), []).append(tank)
    units = []
    for (number, _), members in groups.items():
        points = {point.name: point for tank in members for point in tank.points()}
        units.append(Unit(number, members[0].profile, tuple(points.values()), tuple(members)))
    return units
