"""A tank as the registry knows it, and what follows from it: capacity, heel, percent and dial.

Definitions: docs/physics.md, "Capacity, heel and fill percent".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

import msgspec

from oxygen.geometry import (
    HEADS,
    ORIENTATIONS,
    Geometry,
    Head,
    HorizontalTank,
    Orientation,
    StrappingTable,
    VerticalTank,
    refuse,
)
from oxygen.saturation import gas_density_kg_m3, is_tabulated, saturated
from oxygen.subjects import is_code

SHELL_KEYS = ("orientation", "inner_diameter_m", "cylinder_length_m", "head", "head_depth_m")
STRAPPING_KEYS = ("orientation", "strapping")


class Tank(msgspec.Struct, frozen=True, dict=True):
    """One liquid-oxygen tank.

    Attributes:
        code: Registry code.
        facility: Registry code of the hospital it stands at.
        geometry: The inner vessel.
        working_pressure_pa: Absolute pressure the tank is held at.
        fill_limit_fraction: Share of the inner volume that liquid may take.
        heel_fraction: Share of the inner volume at which the tank counts as empty.
        reference_leg_k: Temperature of the warm gas in the upper impulse line.
        lead_time_h: Hours from ordering to a delivery.
        bottom_tap_m: Height of the lower DP tap above the lowest inside point.
        top_tap_m: Height of the upper DP tap; None means the highest inside point.

    Raises:
        Rejected: Impossible values (code `bad_tank`, naming field, value and what was expected).
    """

    code: str
    facility: str
    geometry: Geometry
    working_pressure_pa: float
    fill_limit_fraction: float = 0.95
    heel_fraction: float = 0.05
    reference_leg_k: float = 303.15
    lead_time_h: float = 24.0
    bottom_tap_m: float = 0.0
    top_tap_m: float | None = None

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        for field, code in (("code", self.code), ("facility", self.facility)):
            if not is_code(code):
                refuse(field, code, "1 to 32 of a-z, 0-9 and hyphen")
        self._check_fractions()
        if not 0 <= self.lead_time_h < math.inf:
            refuse("lead_time_h", self.lead_time_h, "0 hours or more")
        self._check_taps()
        if not is_tabulated(self.working_pressure_pa):
            refuse("working_pressure_pa", self.working_pressure_pa, "50,000 to 4,000,000 Pa absolute")
        try:
            gas_density_kg_m3(self.working_pressure_pa, self.reference_leg_k)
        except ValueError:
            refuse("reference_leg_k", self.reference_leg_k, "240 to 340 K")

    def _check_fractions(self) -> None:
        if not 0 < self.fill_limit_fraction <= 1:
            refuse("fill_limit_fraction", self.fill_limit_fraction, "more than 0, at most 1")
        if not 0 <= self.heel_fraction < self.fill_limit_fraction:
            refuse("heel_fraction", self.heel_fraction, "0 or more, below fill_limit_fraction")

    def _check_taps(self) -> None:
        height = self.geometry.inner_height_m
        if not 0 <= self.bottom_tap_m < height:
            refuse("bottom_tap_m", self.bottom_tap_m, f"0 m or more, below the inner height {height:g} m")
        if not self.bottom_tap_m < self.upper_tap_m <= height:
            refuse("top_tap_m", self.top_tap_m, f"above bottom_tap_m, at most the inner height {height:g} m")

    @property
    def upper_tap_m(self) -> float:
        """Height of the upper tap."""
        return self.geometry.inner_height_m if self.top_tap_m is None else self.top_tap_m

    @property
    def tap_span_m(self) -> float:
        """Height from tap to tap."""
        return self.upper_tap_m - self.bottom_tap_m

    @cached_property
    def fill_limit_level_m(self) -> float:
        """Level of liquid at the fill limit."""
        return self.geometry.level_m(self.fill_limit_fraction * self.geometry.inner_volume_m3)

    @cached_property
    def capacity_kg(self) -> float:
        """All oxygen, liquid and vapour, filled to the fill limit and saturated at working pressure."""
        return self._saturated_mass_kg(self.fill_limit_fraction)

    @cached_property
    def heel_kg(self) -> float:
        """All oxygen with liquid at `heel_fraction`, saturated at working pressure."""
        return self._saturated_mass_kg(self.heel_fraction)

    def _saturated_mass_kg(self, liquid_fraction: float) -> float:
        density = saturated(self.working_pressure_pa)
        mean_kg_m3 = liquid_fraction * density.liquid_kg_m3 + (1 - liquid_fraction) * density.vapour_kg_m3
        return mean_kg_m3 * self.geometry.inner_volume_m3

    def fill_percent(self, mass_kg: float) -> float:
        """Return 0 at the heel and 100 at capacity; below 0 and above 100 are kept."""
        return 100 * (mass_kg - self.heel_kg) / (self.capacity_kg - self.heel_kg)

    def dial_fraction(self, liquid_volume_m3: float) -> float:
        """Return liquid volume over inner volume, as a dial shows it (theo đồng hồ); not clamped."""
        return liquid_volume_m3 / self.geometry.inner_volume_m3


def parse_geometry(data: Mapping[str, object]) -> Geometry:
    """Return the inner vessel that a plain mapping describes.

    Args:
        data: {"orientation": "vertical" | "horizontal", "inner_diameter_m": 2.0, "cylinder_length_m": 5.7,
            "head": "ellipsoidal" | "hemispherical" | "flat", "head_depth_m": 0.5 (may be absent or None)},
            or with a maker's table {"orientation": …, "strapping": [[0, 0], [level m, volume m³], …]}.

    Raises:
        Rejected: A key is missing or unknown, or a value impossible (code `bad_tank`; params field, value,
            expected).
    """
    orientation = cast(Orientation, _choice(data, "orientation", ORIENTATIONS))
    if "strapping" in data:
        _refuse_unknown(data, STRAPPING_KEYS)
        return StrappingTable(orientation, _points(data["strapping"]))
    _refuse_unknown(data, SHELL_KEYS)
    make: Callable[..., VerticalTank | HorizontalTank] = (
        VerticalTank if orientation == "vertical" else HorizontalTank
    )
    depth = data.get("head_depth_m")
    return make(
        inner_diameter_m=_number("inner_diameter_m", data.get("inner_diameter_m")),
        cylinder_length_m=_number("cylinder_length_m", data.get("cylinder_length_m")),
        head=cast(Head, _choice(data, "head", HEADS)),
        head_depth_m=None if depth is None else _number("head_depth_m", depth),
    )


def unparse_geometry(geometry: Geometry) -> dict[str, Any]:
    """Return the plain mapping that `parse_geometry` reads back, fit for JSON."""
    if isinstance(geometry, StrappingTable):
        return {
            "orientation": geometry.orientation,
            "strapping": [list(point) for point in geometry.points],
        }
    data: dict[str, Any] = {
        "orientation": "vertical" if isinstance(geometry, VerticalTank) else "horizontal",
        "inner_diameter_m": geometry.inner_diameter_m,
        "cylinder_length_m": geometry.cylinder_length_m,
        "head": geometry.head,
    }
    if geometry.head_depth_m is not None:
        data["head_depth_m"] = geometry.head_depth_m
    return data


def _refuse_unknown(data: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in data:
        if key not in known:
            refuse(key, data[key], f"no such key; known are {', '.join(known)}")


def _choice(data: Mapping[str, object], field: str, allowed: tuple[str, ...]) -> str:
    value = data.get(field)
    if isinstance(value, str) and value in allowed:
        return value
    return refuse(field, value, " or ".join(allowed))


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return refuse(field, value, "a number")
    return float(value)


def _points(value: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, list | tuple):
        return refuse("strapping", value, "a list of [level m, volume m³]")
    points = []
    for index, point in enumerate(value):
        if not isinstance(point, list | tuple) or len(point) != 2:
            refuse(f"strapping[{index}]", point, "[level m, volume m³]")
        level, volume = (_number(f"strapping[{index}]", coordinate) for coordinate in point)
        points.append((level, volume))
    return tuple(points)
