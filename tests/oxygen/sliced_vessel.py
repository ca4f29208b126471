"""Vessels cut into thin horizontal slices from the equations of their surfaces, and what stands in them.

A second road to volumes, masses and differential pressures: nothing of `oxygen.geometry` but the dimensions
and nothing of `oxygen.saturation` is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oxygen.geometry import HorizontalTank, VerticalTank

GRAVITY = 9.80665
SLICES = 100_000

Array = npt.NDArray[np.float64]


def coolprop_density(pressure_pa: float, *, vapour: bool = False) -> float:
    """Saturated density straight from CoolProp, kg/m³."""
    from CoolProp.CoolProp import PropsSI

    return float(PropsSI("D", "P", pressure_pa, "Q", 1 if vapour else 0, "Oxygen"))


def coolprop_gas(pressure_pa: float, temperature_k: float) -> float:
    """Gas density straight from CoolProp, kg/m³."""
    from CoolProp.CoolProp import PropsSI

    return float(PropsSI("D", "P", pressure_pa, "T", temperature_k, "Oxygen"))


@dataclass(frozen=True)
class Layer:
    """Fluid of one density up to a height."""

    top_m: float
    density_kg_m3: float


class SlicedVessel:
    """A vessel as many thin slices: mid-height and horizontal cross-section of each."""

    def __init__(self, shell: VerticalTank | HorizontalTank) -> None:
        """Cut the vessel."""
        radius = shell.inner_diameter_m / 2
        own = {"ellipsoidal": radius / 2, "hemispherical": radius, "flat": 0.0}[shell.head]
        depth = own if shell.head_depth_m is None else shell.head_depth_m
        length = shell.cylinder_length_m
        standing = isinstance(shell, VerticalTank)
        self.height_m = length + 2 * depth if standing else 2 * radius
        self.thickness_m = self.height_m / SLICES
        self.heights_m: Array = np.asarray((np.arange(SLICES) + 0.5) * self.thickness_m, dtype=np.float64)
        if standing:
            self.sections_m2 = _standing_sections(self.heights_m, radius, depth, length)
        else:
            self.sections_m2 = _lying_sections(self.heights_m, radius, depth, length)

    def volume_below(self, level_m: float) -> float:
        """Volume of the slices below a level, the slice that holds the level in part."""
        filled = np.clip((level_m - self.heights_m) / self.thickness_m + 0.5, 0, 1)
        return float(np.sum(self.sections_m2 * filled) * self.thickness_m)

    def level_of(self, volume_m3: float) -> float:
        """Level below which the slices hold a volume."""
        below = np.cumsum(self.sections_m2) * self.thickness_m
        return float(np.interp(volume_m3, below, self.heights_m + self.thickness_m / 2))

    def densities(self, layers: Sequence[Layer]) -> Array:
        """Density at each slice; layers from the bottom up, the last one reaching the top."""
        density = np.zeros(SLICES)
        floor = 0.0
        for layer in layers:
            density += layer.density_kg_m3 * (
                np.clip((layer.top_m - self.heights_m) / self.thickness_m + 0.5, 0, 1)
                - np.clip((floor - self.heights_m) / self.thickness_m + 0.5, 0, 1)
            )
            floor = layer.top_m
        return density

    def mass(self, layers: Sequence[Layer]) -> float:
        """All that stands in the vessel, kg."""
        return float(np.sum(self.densities(layers) * self.sections_m2) * self.thickness_m)

    def differential_pressure(
        self, layers: Sequence[Layer], leg_kg_m3: float, taps_m: tuple[float, float] | None = None
    ) -> float:
        """What a transmitter between the taps reads, with gas of one density in its upper line, Pa."""
        low, high = taps_m or (0.0, self.height_m)
        between = (self.heights_m > low) & (self.heights_m < high)
        column = np.sum(self.densities(layers)[between]) * self.thickness_m
        return float(GRAVITY * (column - leg_kg_m3 * (high - low)))


def _standing_sections(heights: Array, radius: float, depth: float, length: float) -> Array:
    """Circles whose radius follows the ellipse of the head."""
    into_head = np.maximum(depth - heights, 0) + np.maximum(heights - depth - length, 0)
    relative = into_head / depth if depth else into_head
    squared_radius = radius**2 * (1 - relative**2)
    return np.asarray(np.pi * squared_radius)


def _lying_sections(heights: Array, radius: float, depth: float, length: float) -> Array:
    """A rectangle of the shell's length and, at its ends, the two halves of one ellipse."""
    half_chord = np.sqrt(radius**2 - (heights - radius) ** 2)
    return np.asarray(2 * half_chord * length + np.pi * half_chord * (depth / radius * half_chord))
