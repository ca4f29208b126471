"""Units and the few conversions between them; every conversion in the project stands here, once.

The ledger is in kilograms of oxygen. Volumes are for the screen and always carry phase and basis.
Source of the equivalents: CoolProp 8.0.0 (Schmidt and Wagner 1985), see docs/physics.md, "Units".
"""

from __future__ import annotations

STANDARD_GRAVITY_M_S2 = 9.80665
STANDARD_ATMOSPHERE_PA = 101_325.0
PA_PER_BAR = 100_000.0

BOILING_LIQUID_KG_PER_L = 1.1412
"""Liquid oxygen boiling at 1.01325 bar; the one basis of litres on screen and in reports."""

NORMAL_M3_PER_KG = 0.6998
"""Gas at 0 °C and 1013.25 mbar (Nm³) per kilogram."""

US_PER_S = 1_000_000
S_PER_HOUR = 3600
US_PER_HOUR = S_PER_HOUR * US_PER_S
US_PER_DAY = 24 * US_PER_HOUR

PRESSURE_UNITS_PA: dict[str, float] = {
    "Pa": 1.0,
    "hPa": 100.0,
    "kPa": 1000.0,
    "MPa": 1_000_000.0,
    "mbar": 100.0,
    "bar": PA_PER_BAR,
    "psi": 6894.757293168,
    "mmH2O": 9.80665,
    "inH2O": 249.08891,
    "kgf/cm2": 98_066.5,
}
"""Pascal per unit. Water columns are the conventional ones (4 °C)."""


def pressure_to_pa(value: float, unit: str) -> float:
    """Return `value` in Pa; raises KeyError with the unit when it is not in PRESSURE_UNITS_PA."""
    return value * PRESSURE_UNITS_PA[unit]


def atmosphere_at_altitude_pa(altitude_m: float) -> float:
    """Return the mean air pressure at a site, Pa.

    Source: ISA troposphere, valid from −500 m to 11,000 m.
    """
    exponent = 5.255877
    return float(STANDARD_ATMOSPHERE_PA * (1.0 - 2.25577e-5 * altitude_m) ** exponent)


def gauge_to_absolute_pa(gauge_pa: float, altitude_m: float) -> float:
    """Return absolute pressure; a negative gauge pressure is kept, it is evidence."""
    return gauge_pa + atmosphere_at_altitude_pa(altitude_m)


def litres_of_boiling_liquid(mass_kg: float) -> float:
    """Return litres of liquid at 1.01325 bar, the basis that reports and pages print."""
    return mass_kg / BOILING_LIQUID_KG_PER_L


def normal_cubic_metres(mass_kg: float) -> float:
    """Return Nm³ of gas (0 °C, 1013.25 mbar)."""
    return mass_kg * NORMAL_M3_PER_KG


def kg_from_litres_of_boiling_liquid(volume_l: float) -> float:
    """Return kg for litres of liquid typed or delivered at 1.01325 bar."""
    return volume_l * BOILING_LIQUID_KG_PER_L


def kg_from_normal_cubic_metres(volume_nm3: float) -> float:
    """Return kg for Nm³ of gas."""
    return volume_nm3 / NORMAL_M3_PER_KG
