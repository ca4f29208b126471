"""Points and selections as the tests write them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from telemetry.contract import FieldValue, Point, Row, Selection, TelemetryStore

T0_US = 1_763_715_600_123_456
SECOND_US = 1_000_000
EVER = (-(2**62) // 1000, 2**62 // 1000)
TANK = (("subject", "tank:q1-1"), ("facility", "q1"))


def point(
    t_us: int,
    fields: Mapping[str, FieldValue],
    *,
    measurement: str = "raw",
    tags: Sequence[tuple[str, str]] = TANK,
) -> Point:
    """Return a point, of the one tank unless said otherwise."""
    return Point(measurement, tuple(tags), t_us, fields)


def selection(
    *,
    where: Mapping[str, str] | None = None,
    since_us: int = EVER[0],
    until_us: int = EVER[1],
    measurement: str = "raw",
) -> Selection:
    """Return a selection, of everything unless said otherwise."""
    return Selection(measurement, where or {}, since_us, until_us)


async def read(
    store: TelemetryStore, chosen: Selection | None = None, fields: Sequence[str] = ()
) -> list[Row]:
    """Return all rows of a selection."""
    return [row async for row in store.rows(chosen or selection(), fields=fields)]


def sample_points(count: int, *, seed: int = 7, step_us: int = SECOND_US) -> list[Point]:
    """Return points as a tank's samples are: some signals null now and then, texts beside numbers."""
    chance = random.Random(seed)
    points = []
    for seq in range(count):
        fields: dict[str, FieldValue] = {"epoch": "e1", "seq": seq, "dp_pa_quality": "good"}
        if chance.random() < 0.9:
            fields["dp_pa"] = chance.uniform(0.0, 40_000.0)
        fields["tank_pressure_pa"] = float(chance.randrange(800_000, 1_600_000))
        points.append(point(T0_US + seq * step_us, fields))
    return points
