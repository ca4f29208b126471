"""Inner vessels of tanks: volume by level and level by volume. Lengths in m, volumes in m³, inside, cold.

Formulas: docs/physics.md, "Geometry".
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import Final, Literal, NoReturn, TypeAlias

import msgspec

from oxygen.errors import Rejected

Orientation: TypeAlias = Literal["vertical", "horizontal"]
Head: TypeAlias = Literal["ellipsoidal", "hemispherical", "flat"]
ORIENTATIONS: Final[tuple[Orientation, ...]] = ("vertical", "horizontal")
HEADS: Final[tuple[Head, ...]] = ("ellipsoidal", "hemispherical", "flat")

# Wider than any cryogenic vessel on the road or in a hospital; millimetres typed as metres fall outside.
LEAST_DIAMETER_M, LARGEST_DIAMETER_M = 0.1, 10.0
LONGEST_CYLINDER_M = 60.0

HALVINGS = 60


def refuse(field: str, value: object, expected: str) -> NoReturn:
    """Raise Rejected with code `bad_tank`, naming the field, the value and what was expected."""
    raise Rejected(
        f"{field} is {value!r}, expected {expected}",
        code="bad_tank",
        field=field,
        value=str(value),
        expected=expected,
    )


class _Shell(msgspec.Struct, frozen=True):
    """A cylinder between two equal heads.

    Attributes:
        inner_diameter_m: Inside diameter of the cylinder.
        cylinder_length_m: Length of the cylindrical part, without the heads; 0 with two heads is allowed.
        head: Shape of both ends; `ellipsoidal` is 2:1 unless `head_depth_m` says otherwise.
        head_depth_m: Depth of one head, at most half the diameter; None takes the shape's own depth.

    Raises:
        Rejected: Impossible dimensions (code `bad_tank`, naming field, value and what was expected).
    """

    inner_diameter_m: float
    cylinder_length_m: float
    head: Head = "ellipsoidal"
    head_depth_m: float | None = None

    def __post_init__(self) -> None:
        """Refuse impossible dimensions."""
        if not LEAST_DIAMETER_M <= self.inner_diameter_m <= LARGEST_DIAMETER_M:
            limits = f"{LEAST_DIAMETER_M:g} to {LARGEST_DIAMETER_M:g} m"
            refuse("inner_diameter_m", self.inner_diameter_m, limits)
        _check_choice("head", self.head, HEADS)
        if not 0 <= self.cylinder_length_m <= LONGEST_CYLINDER_M:
            refuse("cylinder_length_m", self.cylinder_length_m, f"0 to {LONGEST_CYLINDER_M:g} m")
        _check_head_depth(self.head, self.head_depth_m, self.inner_diameter_m)
        if self.cylinder_length_m == 0 and self.depth_m == 0:
            refuse("cylinder_length_m", self.cylinder_length_m, "more than 0 m between flat heads")

    @property
    def depth_m(self) -> float:
        """Depth of one head."""
        return (
            _own_depth(self.head, self.inner_diameter_m) if self.head_depth_m is None else self.head_depth_m
        )

    @property
    def radius_m(self) -> float:
        """Inside radius of the cylinder."""
        return self.inner_diameter_m / 2

    @property
    def section_m2(self) -> float:
        """Cross-section of the cylinder, square to its axis."""
        return math.pi * self.radius_m**2

    @property
    def inner_volume_m3(self) -> float:
        """The whole inside, heads included."""
        return self.section_m2 * (self.cylinder_length_m + 4 / 3 * self.depth_m)


class VerticalTank(_Shell, frozen=True):
    """A standing vessel; the level counts from the lowest point of the bottom head. Fields as in `_Shell`."""

    @property
    def inner_height_m(self) -> float:
        """From the lowest to the highest inside point."""
        return self.cylinder_length_m + 2 * self.depth_m

    def volume_m3(self, level_m: float) -> float:
        """Return the volume below a level; raises ValueError outside 0 to `inner_height_m`."""
        height = _checked("level_m", level_m, self.inner_height_m)
        depth = self.depth_m
        if height < depth:
            return self._head_volume(height)
        if height > self.inner_height_m - depth:
            return self.inner_volume_m3 - self._head_volume(self.inner_height_m - height)
        return self.section_m2 * (height - depth / 3)

    def level_m(self, volume_m3: float) -> float:
        """Return the level of a volume; raises ValueError outside 0 to `inner_volume_m3`."""
        volume = _checked("volume_m3", volume_m3, self.inner_volume_m3)
        return _inverse(self.volume_m3, volume, self.inner_height_m)

    def _head_volume(self, height: float) -> float:
        """Return the volume of a bottom head filled to `height` ≤ depth."""
        depth = self.depth_m
        return self.section_m2 * (height / depth) ** 2 * (depth - height / 3) if depth else 0.0


class HorizontalTank(_Shell, frozen=True):
    """A lying vessel; the level counts from the lowest line of the cylinder. Fields as in `_Shell`."""

    @property
    def inner_height_m(self) -> float:
        """The inside diameter."""
        return self.inner_diameter_m

    def volume_m3(self, level_m: float) -> float:
        """Return the volume below a level; raises ValueError outside 0 to `inner_height_m`."""
        height = _checked("level_m", level_m, self.inner_height_m)
        if height > self.radius_m:
            return self.inner_volume_m3 - self._lower_volume(self.inner_height_m - height)
        return self._lower_volume(height)

    def level_m(self, volume_m3: float) -> float:
        """Return the level of a volume; raises ValueError outside 0 to `inner_volume_m3`."""
        volume = _checked("volume_m3", volume_m3, self.inner_volume_m3)
        return _inverse(self.volume_m3, volume, self.inner_height_m)

    def _lower_volume(self, height: float) -> float:
        """Return the volume below a height in the lower half."""
        radius = self.radius_m
        # The angle by arcsine: an arccosine of nearly 1 would lose half the digits near the bottom.
        angle = 2 * math.asin(math.sqrt(height / (2 * radius)))
        segment_m2 = radius**2 * (angle - math.sin(2 * angle) / 2)
        heads_m3 = math.pi * self.depth_m / radius * height**2 * (radius - height / 3)
        return self.cylinder_length_m * segment_m2 + heads_m3


class StrappingTable(msgspec.Struct, frozen=True):
    """A maker's table of volume by level, linear between its points.

    Attributes:
        orientation: How the vessel stands.
        points: (level m, volume m³), both strictly rising, from (0, 0) to (inner height, inner volume).

    Raises:
        Rejected: Not such a table (code `bad_tank`, naming the point).
    """

    orientation: Orientation
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        """Refuse a table that does not rise from nothing."""
        _check_choice("orientation", self.orientation, ORIENTATIONS)
        if len(self.points) < 2:
            refuse("strapping", self.points, "at least two points [level m, volume m³]")
        if any(self.points[0]):
            refuse("strapping[0]", self.points[0], "the first point to be [0, 0]")
        for index in range(1, len(self.points)):
            before, point = self.points[index - 1], self.points[index]
            rises = before[0] < point[0] < math.inf and before[1] < point[1] < math.inf
            if not rises:
                refuse(f"strapping[{index}]", point, f"level and volume above {before}")

    @property
    def inner_height_m(self) -> float:
        """Level of the last point."""
        return self.points[-1][0]

    @property
    def inner_volume_m3(self) -> float:
        """Volume of the last point."""
        return self.points[-1][1]

    def volume_m3(self, level_m: float) -> float:
        """Return the volume below a level; raises ValueError outside 0 to `inner_height_m`."""
        return _interpolate(self.points, 0, _checked("level_m", level_m, self.inner_height_m))

    def level_m(self, volume_m3: float) -> float:
        """Return the level of a volume; raises ValueError outside 0 to `inner_volume_m3`."""
        return _interpolate(self.points, 1, _checked("volume_m3", volume_m3, self.inner_volume_m3))


Geometry: TypeAlias = VerticalTank | HorizontalTank | StrappingTable


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        refuse(field, value, " or ".join(allowed))


def _own_depth(head: Head, diameter: float) -> float:
    return {"ellipsoidal": diameter / 4, "hemispherical": diameter / 2, "flat": 0.0}[head]


def _check_head_depth(head: Head, depth: float | None, diameter: float) -> None:
    if depth is None:
        return
    if head == "ellipsoidal":
        if not 0 < depth <= diameter / 2:
            refuse("head_depth_m", depth, f"more than 0 and at most half the diameter, {diameter / 2:g} m")
    elif not math.isclose(depth, _own_depth(head, diameter), rel_tol=1e-3):
        own = _own_depth(head, diameter)
        refuse("head_depth_m", depth, f"{own:g} m for {head} heads, or left out")


def _checked(field: str, value: float, largest: float) -> float:
    """Return the value, forgiving rounding at the ends; raises ValueError outside 0 to largest."""
    slack = 1e-9 * largest
    if not -slack <= value <= largest + slack:
        raise ValueError(f"{field} {value!r} is outside 0 to {largest:.6g}")
    return min(max(value, 0.0), largest)


def _inverse(volume_at: Callable[[float], float], volume: float, height: float) -> float:
    """Return the level where a rising function reaches `volume`, by halving to the float's resolution."""
    low, high = 0.0, height
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if volume_at(middle) < volume:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _interpolate(points: tuple[tuple[float, float], ...], known: int, value: float) -> float:
    """Return the other coordinate where coordinate `known` equals `value`."""
    upper = min(bisect_right(points, value, key=lambda point: point[known]), len(points) - 1)
    before, after = points[upper - 1], points[upper]
    share = (value - before[known]) / (after[known] - before[known])
    return before[1 - known] + share * (after[1 - known] - before[1 - known])
