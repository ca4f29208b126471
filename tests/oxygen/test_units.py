"""Conversions against figures from tables, not from the code's own constants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.units import (
    PRESSURE_UNITS_PA,
    atmosphere_at_altitude_pa,
    gauge_to_absolute_pa,
    kg_from_litres_of_boiling_liquid,
    kg_from_normal_cubic_metres,
    litres_of_boiling_liquid,
    normal_cubic_metres,
    pressure_to_pa,
)


@pytest.mark.parametrize(
    ("value", "unit", "pascal"),
    [
        (1, "bar", 100_000),
        (1, "kgf/cm2", 98_066.5),
        (14.503773773, "psi", 100_000),
        (401.463076, "inH2O", 100_000),
        (10_197.1621, "mmH2O", 100_000),
        (0.1, "MPa", 100_000),
        (1000, "mbar", 100_000),
        (1000, "hPa", 100_000),
        (100, "kPa", 100_000),
    ],
)
def test_pressures_of_every_unit_come_out_in_pascal(value: float, unit: str, pascal: float) -> None:
    assert pressure_to_pa(value, unit) == pytest.approx(pascal, rel=1e-7)


def test_an_unknown_pressure_unit_is_named() -> None:
    with pytest.raises(KeyError, match="torr"):
        pressure_to_pa(1, "torr")


@pytest.mark.parametrize(
    ("altitude_m", "pascal"),  # ICAO standard atmosphere, Doc 7488
    [(0, 101_325), (500, 95_461), (1500, 84_556), (3000, 70_109)],
)
def test_air_pressure_falls_with_altitude_as_in_the_standard_atmosphere(
    altitude_m: float, pascal: float
) -> None:
    assert atmosphere_at_altitude_pa(altitude_m) == pytest.approx(pascal, rel=5e-4)


def test_gauge_pressure_becomes_absolute_and_a_negative_one_is_kept() -> None:
    assert gauge_to_absolute_pa(1_200_000, 0) == pytest.approx(1_301_325)
    assert gauge_to_absolute_pa(-5_000, 0) == pytest.approx(96_325)


def test_a_tonne_of_oxygen_in_litres_and_normal_cubic_metres() -> None:
    """Gas suppliers' tables: 1 L of liquid at the boiling point is 1.1412 kg; 1 kg is 0.6998 Nm³."""
    assert litres_of_boiling_liquid(1000) == pytest.approx(876.3, abs=0.05)
    assert normal_cubic_metres(1000) == pytest.approx(699.8, abs=0.05)
    # The molar volume of an ideal gas, 22.414 m³/kmol, with M = 31.9988: oxygen is 0.1 % denser.
    assert normal_cubic_metres(31.9988) == pytest.approx(22.414, rel=1.5e-3)


@given(st.floats(0, 1e6))
def test_there_and_back_gives_the_same_mass(mass_kg: float) -> None:
    assert kg_from_litres_of_boiling_liquid(litres_of_boiling_liquid(mass_kg)) == pytest.approx(mass_kg)
    assert kg_from_normal_cubic_metres(normal_cubic_metres(mass_kg)) == pytest.approx(mass_kg)


def test_every_unit_has_a_positive_size() -> None:
    assert all(size > 0 for size in PRESSURE_UNITS_PA.values())
