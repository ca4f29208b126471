"""The inner vessel of a simulated tank: volume by level and level by volume, from slices added up.

The product works with closed formulas; here the area of a horizontal slice is integrated by Simpson's rule,
so that the two can be held against each other.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from math import cos, pi, sqrt
from typing import Literal

import msgspec

_CELLS = 1000

Orientation = Literal["vertical", "horizontal"]
Head = Literal["ellipsoidal", "hemispherical", "flat"]


class Shape(msgspec.Struct, frozen=True):
    """Inner dimensions, m.

    Attributes:
        orientation: Of the cylinder's axis.
        inner_diameter_m: Of the cylinder.
        cylinder_length_m: Straight part without heads.
        head: "ellipsoidal" is 2:1, a quarter of the diameter deep.
        head_depth_m: Overrides the depth that `head` implies.
    """

    orientation: Orientation
    inner_diameter_m: float
    cylinder_length_m: float
    head: Head
    head_depth_m: float | None = None

    @property
    def depth_of_head_m(self) -> float:
        """Depth of one head."""
        if self.head_depth_m is not None:
            return self.head_depth_m
        return self.inner_diameter_m * {"ellipsoidal": 0.25, "hemispherical": 0.5, "flat": 0.0}[self.head]

    @property
    def height_m(self) -> float:
        """Inner height from the lowest to the highest point; the taps stand there."""
        if self.orientation == "horizontal":
            return self.inner_diameter_m
        return self.cylinder_length_m + 2 * self.depth_of_head_m

    def slice_area_m2(self, level_m: float) -> float:
        """Return the area of the liquid's surface at a level."""
        radius = self.inner_diameter_m / 2
        depth = self.depth_of_head_m
        if self.orientation == "horizontal":
            half_width = sqrt(max(0.0, radius**2 - (level_m - radius) ** 2))
            return 2 * half_width * self.cylinder_length_m + pi * half_width**2 * depth / radius
        into_head = max(depth - level_m, level_m - (depth + self.cylinder_length_m), 0.0)
        if into_head == 0.0:
            return pi * radius**2
        return pi * radius**2 * max(0.0, 1 - (into_head / depth) ** 2)


class Vessel:
    """A shape with its volumes tabled; read only, shared by tanks of the same shape."""

    def __init__(self, shape: Shape) -> None:
        """Add up the slices; cells are narrow near the ends, where the area changes fast."""
        self.shape = shape
        self.height_m = shape.height_m
        self._levels = [self.height_m * (1 - cos(pi * k / _CELLS)) / 2 for k in range(_CELLS + 1)]
        self._volumes = [0.0]
        for low, high in zip(self._levels, self._levels[1:], strict=False):
            middle = shape.slice_area_m2((low + high) / 2)
            ends = shape.slice_area_m2(low) + shape.slice_area_m2(high)
            self._volumes.append(self._volumes[-1] + (high - low) * (ends + 4 * middle) / 6)
        self.volume_m3 = self._volumes[-1]

    def level_m(self, volume_m3: float) -> float:
        """Return the level of that much liquid; no more than the vessel holds, no less than nothing."""
        return self._between(self._volumes, self._levels, volume_m3)

    def volume_at_m3(self, level_m: float) -> float:
        """Return the volume below a level; outside the vessel the nearer end."""
        return self._between(self._levels, self._volumes, level_m)

    @staticmethod
    def _between(known: list[float], wanted: list[float], value: float) -> float:
        if value <= 0.0:
            return 0.0
        if value >= known[-1]:
            return wanted[-1]
        upper = bisect_right(known, value)
        low = known[upper - 1]
        share = (value - low) / (known[upper] - low)
        return wanted[upper - 1] + share * (wanted[upper] - wanted[upper - 1])


@lru_cache(maxsize=256)
def vessel(shape: Shape) -> Vessel:
    """Return the tabled vessel of a shape."""
    return Vessel(shape)
