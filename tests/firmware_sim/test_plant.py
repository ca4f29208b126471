"""One simulated tank: its ledger, its pressure, and the pressures at its taps."""

from __future__ import annotations

from math import pi, sqrt

import msgspec
import pytest
from CoolProp.CoolProp import PropsSI

from firmware_sim.plant import Tank, TankDesign, TankState
from firmware_sim.vessel import Shape

VERTICAL = TankDesign(
    shape=Shape("vertical", 2.1, 5.1, "ellipsoidal"),
    working_pressure_pa=9e5,
    fill_limit_fraction=0.95,
    heel_fraction=0.05,
    evaporation_percent_per_day=0.25,
    usual_draw_kg_per_h=50.0,
    cold_share=0.5,
    cold_hours=12.0,
    tanker_pressure_pa=2e5,
    reference_leg_k=303.15,
)
HORIZONTAL = msgspec.structs.replace(VERTICAL, shape=Shape("horizontal", 2.4, 5.85, "ellipsoidal"))
DESIGNS = {"vertical": VERTICAL, "horizontal": HORIZONTAL}


def run(tank: Tank, state: TankState, hours: float, draw_kg_per_h: float, rate: float = 1.0) -> None:
    for _ in range(round(hours * 60)):
        tank.step(state, draw_kg_per_h, rate, 60.0)


def slice_area_m2(shape: Shape, z: float) -> float:
    """Area of a horizontal slice from the equations of cylinder and spheroid."""
    radius, depth = shape.inner_diameter_m / 2, shape.inner_diameter_m / 4
    if shape.orientation == "horizontal":
        chord = 2 * sqrt(radius**2 - (z - radius) ** 2)
        return chord * shape.cylinder_length_m + pi * (chord / 2) * (chord / 2 * depth / radius)
    beyond = max(depth - z, z - depth - shape.cylinder_length_m, 0.0)
    return pi * radius**2 * (1 - (beyond / depth) ** 2)


def differential_by_slices(design: TankDesign, state: TankState) -> float:
    """Fill the vessel slice by slice, by CoolProp's densities, until the mass is right; weigh the column."""
    height = 2.4 if design.shape.orientation == "horizontal" else 5.1 + 2 * 0.525
    slices = 20_000
    dz = height / slices
    areas = [slice_area_m2(design.shape, (index + 0.5) * dz) for index in range(slices)]
    p = state.pressure_pa
    liquid = PropsSI("D", "P", p, "Q", 0, "Oxygen")
    vapour = PropsSI("D", "P", p, "Q", 1, "Oxygen")
    leg = PropsSI("D", "P", p, "T", design.reference_leg_k, "Oxygen")
    cold = PropsSI("D", "P", state.cold_pa, "Q", 0, "Oxygen") if state.cold_kg else liquid
    missing = state.mass_kg - sum(areas) * dz * vapour
    column = height * vapour
    cold_left = state.cold_kg
    for area in areas:
        density = cold if cold_left > 0 else liquid
        share = min(1.0, missing / ((density - vapour) * area * dz))
        if cold_left > 0:
            share = min(share, cold_left / (density * area * dz))
            cold_left -= density * area * dz
        missing -= share * (density - vapour) * area * dz
        column += share * (density - vapour) * dz
        if missing <= 0:
            break
    return 9.80665 * (column - leg * height)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("fill_percent", [1.0, 8.0, 33.0, 60.0, 90.0, 99.0])
def test_taps_feel_the_weight_of_the_column(name: str, fill_percent: float) -> None:
    design = DESIGNS[name]
    tank = Tank(design)
    state = tank.new_state(tank.mass_at_fill_kg(fill_percent), 0.8)

    assert tank.taps(state).differential_pa == pytest.approx(
        differential_by_slices(design, state), rel=1e-3, abs=10.0
    )


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("cold_share", [0.1, 0.45])
def test_a_cold_layer_weighs_what_it_weighs(name: str, cold_share: float) -> None:
    design = DESIGNS[name]
    tank = Tank(design)
    state = tank.new_state(tank.mass_at_fill_kg(75.0), 0.5)
    state.cold_kg, state.cold_pa = cold_share * state.mass_kg, 2.5e5

    assert tank.taps(state).differential_pa == pytest.approx(
        differential_by_slices(design, state), rel=1e-3, abs=10.0
    )


def test_mass_is_what_was_there_plus_brought_minus_drawn_minus_blown_off() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(9000.0, 0.3)
    run(tank, state, 30.0, 55.0)
    tank.begin_filling(state, 6000.0, 200.0)
    run(tank, state, 40.0, 0.3)
    run(tank, state, 50.0, 70.0)

    assert state.mass_kg == pytest.approx(
        9000.0 + state.delivered_kg - state.used_kg - state.vented_kg, abs=1e-6
    )
    assert state.used_kg == pytest.approx(30 * 55 + 40 * 0.3 + 50 * 70, rel=1e-9)


def test_nothing_is_blown_off_while_the_wards_draw_more_than_evaporates() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(9000.0, 0.3)
    run(tank, state, 24.0, 1.01 * tank.evaporation_kg_per_h)

    assert state.vented_kg == 0.0


def test_a_tank_at_rest_loses_its_evaporation_in_all() -> None:
    """A quarter of a per cent of the capacity a day, of which a small draw takes its part."""
    tank = Tank(VERTICAL)
    state = tank.new_state(9000.0, 0.3)
    run(tank, state, 48.0, 0.5)

    assert state.used_kg + state.vented_kg == pytest.approx(2 * 0.0025 * tank.capacity_kg, rel=1e-6)
    assert state.used_kg == pytest.approx(24.0, rel=1e-9)


def test_a_refill_adds_exactly_what_was_delivered() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(5000.0, 0.3)
    tank.begin_filling(state, 7123.4, 180.0)
    run(tank, state, 2.0, 60.0)

    assert state.filling_kg == 0.0
    assert state.delivered_kg == pytest.approx(7123.4, abs=1e-9)
    assert state.mass_kg == pytest.approx(5000.0 + 7123.4 - 120.0, abs=1e-6)


def test_a_refill_stops_where_the_vessel_is_full() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(tank.mass_at_fill_kg(90.0), 0.5)
    before = state.mass_kg
    tank.begin_filling(state, 9000.0, 300.0)
    run(tank, state, 1.0, 0.0)

    assert state.filling_kg == 0.0
    assert 0.0 < state.delivered_kg < 9000.0
    assert state.mass_kg == pytest.approx(before + state.delivered_kg - state.vented_kg, abs=1e-6)
    assert tank.taps(state).liquid_m3 < 20.09


def test_pressure_swings_within_a_bar_of_its_setpoint_for_days() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(12_000.0, 0.2)
    seen = []
    for _ in range(72 * 60):
        tank.step(state, 50.0, 1.0, 60.0)
        seen.append(state.pressure_pa)

    assert min(seen) > 8.0e5
    assert max(seen) < 10.0e5
    assert max(seen) - min(seen) > 0.8e5


def test_cold_liquid_lowers_the_pressure_and_the_coil_brings_it_back() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(5000.0, 0.5)
    tank.begin_filling(state, 8000.0, 200.0)
    run(tank, state, 0.6, 50.0)
    after_filling = state.pressure_pa
    run(tank, state, 8.0, 50.0)

    assert after_filling < 7.6e5
    assert state.pressure_pa > 8.3e5


def test_swell_settles_within_an_hour_after_the_tanker_left() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(5000.0, 0.5)
    tank.begin_filling(state, 2000.0, 200.0)
    run(tank, state, 1 / 6, 50.0)
    at_the_end = state.slosh_pa
    run(tank, state, 20 / 60, 50.0)
    after_20_min = state.slosh_pa
    run(tank, state, 1.0, 50.0)

    assert at_the_end > 200.0
    assert 10.0 < after_20_min < at_the_end
    assert state.slosh_pa < 5.0


def test_the_cold_layer_warms_up_and_is_gone_after_some_days() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(5000.0, 0.5)
    tank.begin_filling(state, 8000.0, 200.0)
    run(tank, state, 1.0, 10.0)
    assert state.cold_kg > 3000.0

    run(tank, state, 96.0, 10.0)

    assert state.cold_kg == 0.0


def test_an_empty_tank_gives_nothing_and_its_pressure_falls() -> None:
    tank = Tank(VERTICAL)
    state = tank.new_state(900.0, 0.5)
    run(tank, state, 24.0, 60.0)

    assert state.draw_kg_per_h == 0.0
    assert state.mass_kg > 0.0
    assert state.used_kg + state.vented_kg == pytest.approx(900.0 - state.mass_kg, abs=1e-6)
    assert state.pressure_pa < 2e5
    assert tank.taps(state).liquid_m3 < 0.02


def test_the_rate_hurries_what_flows_and_nothing_else() -> None:
    tank = Tank(VERTICAL)
    slow, fast = tank.new_state(9000.0, 0.5), tank.new_state(9000.0, 0.5)
    tank.begin_filling(slow, 300.0, 10.0)
    tank.begin_filling(fast, 3000.0, 10.0)
    run(tank, slow, 0.5, 50.0, rate=1.0)
    run(tank, fast, 0.5, 500.0, rate=10.0)

    assert fast.delivered_kg == pytest.approx(10 * slow.delivered_kg)
    assert fast.used_kg == pytest.approx(10 * slow.used_kg)
    assert fast.pressure_pa == pytest.approx(slow.pressure_pa, rel=0.01)


def test_fill_is_counted_from_the_heel_to_the_fill_limit() -> None:
    """By CoolProp: all oxygen of 20.0889 m³ with 5 % and with 95 % of liquid at 9 bar."""
    liquid = PropsSI("D", "P", 9e5, "Q", 0, "Oxygen")
    vapour = PropsSI("D", "P", 9e5, "Q", 1, "Oxygen")
    volume = pi * 1.05**2 * 5.1 + 4 / 3 * pi * 1.05**2 * 0.525
    tank = Tank(VERTICAL)

    assert tank.fill_percent(volume * (0.05 * liquid + 0.95 * vapour)) == pytest.approx(0.0, abs=0.02)
    assert tank.fill_percent(volume * (0.95 * liquid + 0.05 * vapour)) == pytest.approx(100.0, abs=0.02)
    assert tank.fill_percent(tank.mass_at_fill_kg(-2.5)) == pytest.approx(-2.5)
