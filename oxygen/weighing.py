"""Contents of a tank from its differential pressure (DP): the column between the taps is weighed.

Derivation, error figures and what happens above the fill limit: docs/physics.md, "Weighing".
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from oxygen.geometry import VerticalTank
from oxygen.reading import Quality, Reason
from oxygen.saturation import gas_density_kg_m3, is_tabulated, saturated
from oxygen.tank import Tank
from oxygen.units import BOILING_LIQUID_KG_PER_L, STANDARD_GRAVITY_M_S2

SPAN_TOLERANCE = 0.01
"""Share of the tap span by which a level may pass an end before that counts: zero drift."""

COLDEST_LIQUID_KG_M3 = 1000 * BOILING_LIQUID_KG_PER_L
"""Liquid as a lorry brings it at best; nothing heavier stands in a hospital's tank."""

# One standard deviation each, of transmitters of ordinary class on site, zero and span together.
DP_SD_FRACTION = 0.002
PRESSURE_SD_PA = 10_000.0
ASSUMED_PRESSURE_SD_PA = 100_000.0
# Between saturated liquid and the coldest delivered lies all that stands in a tank: three deviations.
COLD_LIQUID_SD_FRACTION = 1 / 3


class Contents(msgspec.Struct, frozen=True):
    """What a tank holds at one reading; nothing in it is clamped, impossible figures are evidence.

    Attributes:
        mass_kg: All oxygen, liquid and vapour.
        level_m: Level if the liquid is saturated, as a level gauge would show it.
        liquid_volume_m3: Liquid below that level.
        quality: GOOD; UNCERTAIN with an assumed pressure, or when only liquid colder or vapour warmer than
            saturated explains the reading; BAD when nothing does.
        reason: OK, PRESSURE_ASSUMED or OUT_OF_SPAN.
        sd_kg: Standard deviation of `mass_kg`: instruments, and liquid that is not saturated.
    """

    mass_kg: float
    level_m: float
    liquid_volume_m3: float
    quality: Quality
    reason: Reason
    sd_kg: float


class _Densities(NamedTuple):
    liquid: float
    vapour: float
    reference_leg: float


def contents(dp_pa: float, pressure_pa: float | None, tank: Tank) -> Contents:
    """Weigh a tank.

    Args:
        dp_pa: Lower tap minus upper tap, Pa, taken in the same bus cycle as the pressure.
        pressure_pa: Absolute pressure above the liquid; None when there is no usable signal. Without one, and
            when the value lies outside the saturation table, the tank's working pressure is taken.
        tank: Geometry, taps and reference leg.

    Raises:
        ValueError: `dp_pa` is not finite; the caller keeps the reading out with NOT_A_NUMBER.
    """
    if not math.isfinite(dp_pa):
        raise ValueError(f"dp_pa is {dp_pa!r}, expected a finite number of Pa")
    assumed = pressure_pa is None or not is_tabulated(pressure_pa)
    pressure = tank.working_pressure_pa if pressure_pa is None or assumed else pressure_pa
    densities = _densities(pressure, tank)
    level = _level_m(dp_pa, densities, tank)
    quality, reason = _judge(dp_pa, densities, tank, assumed)
    return Contents(
        mass_kg=_mass_kg(dp_pa, densities, tank),
        level_m=level,
        liquid_volume_m3=_liquid_volume_m3(level, tank),
        quality=quality,
        reason=reason,
        sd_kg=_sd_kg(dp_pa, pressure, ASSUMED_PRESSURE_SD_PA if assumed else PRESSURE_SD_PA, tank),
    )


def _densities(pressure_pa: float, tank: Tank) -> _Densities:
    _, liquid, vapour = saturated(pressure_pa)
    return _Densities(liquid, vapour, gas_density_kg_m3(pressure_pa, tank.reference_leg_k))


def _column_kg_m2(dp_pa: float, densities: _Densities, tank: Tank) -> float:
    """Return the mass that stands on a square metre between the taps; the leg weighs against it."""
    return dp_pa / STANDARD_GRAVITY_M_S2 + densities.reference_leg * tank.tap_span_m


def _level_m(dp_pa: float, densities: _Densities, tank: Tank) -> float:
    vapour_column = densities.vapour * tank.tap_span_m
    liquid_excess = _column_kg_m2(dp_pa, densities, tank) - vapour_column
    return tank.bottom_tap_m + liquid_excess / (densities.liquid - densities.vapour)


def _mass_kg(dp_pa: float, densities: _Densities, tank: Tank) -> float:
    """Return liquid and vapour; between the heads this is the weighing identity whatever the density."""
    level = _level_m(dp_pa, densities, tank)
    believed = min(level, _highest_believed_level_m(tank))
    excess = densities.liquid - densities.vapour
    mass = densities.vapour * tank.geometry.inner_volume_m3 + excess * _liquid_volume_m3(believed, tank)
    return mass + excess * (level - believed) * _section_above_m2(tank)


def _highest_believed_level_m(tank: Tank) -> float:
    """Above the fill limit a reading means liquid denser than saturated, not a higher level."""
    return min(tank.fill_limit_level_m, tank.upper_tap_m)


def _section_above_m2(tank: Tank) -> float:
    """Return kg of contents per kg/m² of column where the level stands still and the density rises.

    In a standing cylinder the level then lies between the heads and the column weighs a section of the
    cylinder; in other vessels liquid at the fill limit is taken to be denser throughout.
    """
    if isinstance(tank.geometry, VerticalTank):
        return tank.geometry.section_m2
    level = _highest_believed_level_m(tank)
    return tank.geometry.volume_m3(level) / (level - tank.bottom_tap_m)


def _liquid_volume_m3(level_m: float, tank: Tank) -> float:
    """Return the volume below a level, continued past both ends by the vessel's mean section."""
    geometry = tank.geometry
    inside = min(max(level_m, 0.0), geometry.inner_height_m)
    mean_section_m2 = geometry.inner_volume_m3 / geometry.inner_height_m
    return geometry.volume_m3(inside) + (level_m - inside) * mean_section_m2


def _judge(dp_pa: float, densities: _Densities, tank: Tank, assumed: bool) -> tuple[Quality, Reason]:
    """Possible is anything from a vessel full of gas as warm as the leg to one brim-full of cold liquid."""
    span_m = tank.tap_span_m
    tolerance_m = SPAN_TOLERANCE * span_m
    column = _column_kg_m2(dp_pa, densities, tank)
    lightest = densities.reference_leg * span_m - densities.liquid * tolerance_m
    heaviest = COLDEST_LIQUID_KG_M3 * (span_m + tolerance_m)
    if not lightest <= column <= heaviest:
        return Quality.BAD, Reason.OUT_OF_SPAN
    level = _level_m(dp_pa, densities, tank)
    if not tank.bottom_tap_m - tolerance_m <= level <= tank.upper_tap_m + tolerance_m:
        return Quality.UNCERTAIN, Reason.OUT_OF_SPAN
    if assumed:
        return Quality.UNCERTAIN, Reason.PRESSURE_ASSUMED
    return Quality.GOOD, Reason.OK


def _sd_kg(dp_pa: float, pressure_pa: float, pressure_sd_pa: float, tank: Tank) -> float:
    """Return the root of the squared effects of each error source on the mass."""
    densities = _densities(pressure_pa, tank)
    mass = _mass_kg(dp_pa, densities, tank)
    dp_sd_pa = DP_SD_FRACTION * densities.liquid * STANDARD_GRAVITY_M_S2 * tank.tap_span_m
    step_pa = pressure_sd_pa if is_tabulated(pressure_pa + pressure_sd_pa) else -pressure_sd_pa
    colder = max(COLDEST_LIQUID_KG_M3 - densities.liquid, 0.0)
    denser = densities._replace(liquid=densities.liquid + COLD_LIQUID_SD_FRACTION * colder)
    return math.hypot(
        _mass_kg(dp_pa + dp_sd_pa, densities, tank) - mass,
        _mass_kg(dp_pa, _densities(pressure_pa + step_pa, tank), tank) - mass,
        _mass_kg(dp_pa, denser, tank) - mass,
        _doubt_above_fill_limit_kg(dp_pa, densities, tank, mass),
    )


def _doubt_above_fill_limit_kg(dp_pa: float, densities: _Densities, tank: Tank, mass_kg: float) -> float:
    """Return half the difference from the other explanation: saturated liquid above the fill limit."""
    excess = densities.liquid - densities.vapour
    volume = _liquid_volume_m3(_level_m(dp_pa, densities, tank), tank)
    overfilled = densities.vapour * tank.geometry.inner_volume_m3 + excess * volume
    return (mass_kg - overfilled) / 2
