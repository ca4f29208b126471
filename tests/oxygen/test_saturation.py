"""Saturated and gaseous oxygen against CoolProp, asked directly."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise

import pytest

from oxygen import saturation_table
from oxygen.saturation import gas_density_kg_m3, saturated

PRESSURES_BAR = [0.5, 0.5001, 0.7, 1.01325, 2, 3.3, 5, 8, 12, 16, 22, 30, 36, 38, 39.4, 39.9999, 40]


def coolprop(output: str, known: str, value: float, other: str, other_value: float) -> float:
    from CoolProp.CoolProp import PropsSI

    return float(PropsSI(output, known, value, other, other_value, "Oxygen"))


@pytest.mark.parametrize("pressure_bar", PRESSURES_BAR)
def test_saturation_agrees_with_coolprop_within_two_hundredths_of_a_percent(pressure_bar: float) -> None:
    pressure = pressure_bar * 1e5
    state = saturated(pressure)

    assert state.temperature_k == pytest.approx(coolprop("T", "P", pressure, "Q", 0), rel=2e-4)
    assert state.liquid_kg_m3 == pytest.approx(coolprop("D", "P", pressure, "Q", 0), rel=2e-4)
    assert state.vapour_kg_m3 == pytest.approx(coolprop("D", "P", pressure, "Q", 1), rel=2e-4)


def test_saturation_agrees_between_all_rows_of_the_table_within_its_stated_error() -> None:
    worst = 0.0
    for index in range(400):
        pressure = 0.5e5 * 80 ** (index / 399)
        state = saturated(pressure)
        for value, output, quality in (
            (state.temperature_k, "T", 0),
            (state.liquid_kg_m3, "D", 0),
            (state.vapour_kg_m3, "D", 1),
        ):
            worst = max(worst, abs(value / coolprop(output, "P", pressure, "Q", quality) - 1))

    assert worst < 5e-5


def test_liquid_expands_and_vapour_thickens_with_pressure() -> None:
    states = [saturated(0.5e5 + 10_000 * step) for step in range(396)]

    assert all(low.liquid_kg_m3 > high.liquid_kg_m3 for low, high in pairwise(states))
    assert all(low.vapour_kg_m3 < high.vapour_kg_m3 for low, high in pairwise(states))


@pytest.mark.parametrize("pressure_pa", [0.0, -1e5, 49_999.0, 4_000_001.0, math.inf, math.nan])
def test_pressure_outside_the_table_is_refused_with_value_and_range(pressure_pa: float) -> None:
    with pytest.raises(ValueError, match=r"bar absolute is outside 0\.5 to 40 bar absolute"):
        saturated(pressure_pa)


def test_a_refused_pressure_is_named_in_bar() -> None:
    with pytest.raises(ValueError, match=r"saturation pressure 41\.5 bar"):
        saturated(41.5e5)


def test_warm_gas_agrees_with_coolprop_within_its_stated_error() -> None:
    worst = 0.0
    for pressure_bar in (0.1, 1, 2, 5, 9, 16, 40, 90, 150, 200, 250):
        for temperature_k in range(240, 341, 5):
            true = coolprop("D", "P", pressure_bar * 1e5, "T", temperature_k)
            worst = max(worst, abs(gas_density_kg_m3(pressure_bar * 1e5, temperature_k) / true - 1))

    assert worst < 6e-4


def test_thin_gas_is_ideal() -> None:
    assert gas_density_kg_m3(1.0, 300.0) == pytest.approx(0.031998 / (8.314462618 * 300), rel=1e-4)


@pytest.mark.parametrize(
    ("pressure_pa", "temperature_k", "named"),
    [
        (0.0, 300.0, "gas pressure 0 bar"),
        (-5.0, 300.0, "gas pressure"),
        (251e5, 300.0, "gas pressure 251 bar"),
        (math.nan, 300.0, "gas pressure nan"),
        (1e5, 200.0, "gas temperature 200 K is outside 240 to 340 K"),
        (1e5, 30.0, "gas temperature 30 K"),
        (1e5, math.nan, "gas temperature nan"),
    ],
)
def test_gas_outside_the_fit_is_refused(pressure_pa: float, temperature_k: float, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        gas_density_kg_m3(pressure_pa, temperature_k)


def test_the_generator_makes_the_table_that_is_shipped() -> None:
    from bench.saturation_table import gas_coefficients, saturation_rows

    for fresh, shipped in zip(saturation_rows(), saturation_table.ROWS, strict=True):
        assert fresh == pytest.approx(shipped, rel=1e-6)
    for fresh_row, shipped_row in zip(gas_coefficients(), saturation_table.GAS_COEFFICIENTS, strict=True):
        assert fresh_row == pytest.approx(shipped_row, rel=1e-4)


def test_weighing_loads_neither_coolprop_nor_numpy() -> None:
    code = (
        "import sys, oxygen.weighing, oxygen.current_loop;"
        "print([m for m in ('numpy', 'CoolProp', 'logging', 'sqlite3', 'socket') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"
