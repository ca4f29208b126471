"""The simulator's own oxygen, held against CoolProp."""

from __future__ import annotations

import pytest
from CoolProp.CoolProp import PropsSI

from firmware_sim.oxygen_properties import gas_kg_m3, liquid_kg_m3, saturated, vapour_kg_m3

PRESSURES_PA = [0.5e5 * 60 ** (step / 59) for step in range(60)]


@pytest.mark.parametrize("pressure_pa", PRESSURES_PA)
def test_boiling_oxygen_is_within_a_thousandth_of_coolprop(pressure_pa: float) -> None:
    state = saturated(pressure_pa)

    assert state.temperature_k == pytest.approx(PropsSI("T", "P", pressure_pa, "Q", 0, "Oxygen"), rel=1e-4)
    assert state.liquid_kg_m3 == pytest.approx(PropsSI("D", "P", pressure_pa, "Q", 0, "Oxygen"), rel=1e-3)
    assert state.vapour_kg_m3 == pytest.approx(PropsSI("D", "P", pressure_pa, "Q", 1, "Oxygen"), rel=1e-3)


@pytest.mark.parametrize("temperature_k", [273.15, 288.15, 303.15, 318.15, 333.15])
@pytest.mark.parametrize("pressure_pa", [1e5, 5e5, 10e5, 20e5])
def test_warm_gas_is_within_a_thousandth_of_coolprop(pressure_pa: float, temperature_k: float) -> None:
    expected = PropsSI("D", "P", pressure_pa, "T", temperature_k, "Oxygen")

    assert gas_kg_m3(pressure_pa, temperature_k) == pytest.approx(expected, rel=1e-3)


def test_the_single_densities_are_those_of_the_whole_state() -> None:
    state = saturated(8e5)

    assert (liquid_kg_m3(8e5), vapour_kg_m3(8e5)) == (state.liquid_kg_m3, state.vapour_kg_m3)


def test_beyond_its_limits_the_nearest_limit_answers() -> None:
    assert saturated(1.0) == saturated(0.5e5)
    assert saturated(60e5) == saturated(30e5)
