"""Contents against vessels whose slices are weighed one by one, with densities straight from CoolProp."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oxygen.geometry import Geometry, HorizontalTank, StrappingTable, VerticalTank
from oxygen.reading import Quality, Reason
from oxygen.tank import Tank
from oxygen.weighing import Contents, contents
from tests.oxygen.sliced_vessel import (
    GRAVITY,
    Layer,
    SlicedVessel,
    coolprop_density,
    coolprop_gas,
)

Shell = VerticalTank | HorizontalTank

LEG_K = 303.15
LARGE = VerticalTank(2.0, 5.7)
SMALL = VerticalTank(1.5, 2.3)
ROUND = VerticalTank(2.0, 5.0, "hemispherical")
SQUARE = VerticalTank(1.8, 4.0, "flat")
LYING = HorizontalTank(2.0, 5.7)
LYING_SQUARE = HorizontalTank(2.4, 4.0, "flat")
STANDING_SHELLS: list[Shell] = [LARGE, SMALL, ROUND, SQUARE]
LYING_SHELLS: list[Shell] = [LYING, LYING_SQUARE]


@cache
def sliced(shell: Shell) -> SlicedVessel:
    return SlicedVessel(shell)


def tank_of(geometry: Geometry, working_pa: float = 9e5, **options: float) -> Tank:
    return Tank("t-1", "bv-1", geometry, working_pa, **options)


def saturated_layers(shell: Shell, pressure_pa: float, fill: float, cold_share: float = 0.0) -> list[Layer]:
    """Liquid to a share of the volume, its lower `cold_share` as cold as liquid boiling at 2 bar."""
    vessel = sliced(shell)
    volume = vessel.volume_below(vessel.height_m)
    return [
        Layer(vessel.level_of(cold_share * fill * volume) if cold_share else 0.0, coolprop_density(2e5)),
        Layer(vessel.level_of(fill * volume), coolprop_density(pressure_pa)),
        Layer(vessel.height_m, coolprop_density(pressure_pa, vapour=True)),
    ]


def weigh(shell: Shell, pressure_pa: float, layers: list[Layer]) -> tuple[Contents, float, Tank]:
    """Return the contents, the true mass and the tank."""
    dp = sliced(shell).differential_pressure(layers, coolprop_gas(pressure_pa, LEG_K))
    tank = tank_of(shell, pressure_pa)
    return contents(dp, pressure_pa, tank), sliced(shell).mass(layers), tank


def error_percent(shell: Shell, pressure_pa: float, layers: list[Layer]) -> float:
    """Return the error of mass as percent of capacity."""
    found, true_kg, tank = weigh(shell, pressure_pa, layers)
    return 100 * (found.mass_kg - true_kg) / tank.capacity_kg


@pytest.mark.parametrize("shell", STANDING_SHELLS + LYING_SHELLS, ids=repr)
@pytest.mark.parametrize("pressure_bar", [2, 5, 9, 12, 16])
def test_saturated_contents_are_weighed_from_the_bottom_head_to_the_fill_limit(
    shell: Shell, pressure_bar: float
) -> None:
    pressure = pressure_bar * 1e5
    for fill in (0.01, 0.03, 0.05, 0.2, 0.5, 0.8, 0.9, 0.94):
        layers = saturated_layers(shell, pressure, fill)
        found, true_kg, tank = weigh(shell, pressure, layers)

        assert found.mass_kg == pytest.approx(true_kg, abs=2e-4 * tank.capacity_kg)
        assert found.level_m == pytest.approx(layers[1].top_m, abs=1e-3 * tank.tap_span_m)
        assert tank.dial_fraction(found.liquid_volume_m3) == pytest.approx(fill, abs=1.5e-3)
        assert (found.quality, found.reason) == (Quality.GOOD, Reason.OK)


@pytest.mark.parametrize("shell", STANDING_SHELLS + LYING_SHELLS, ids=repr)
def test_without_a_fill_limit_saturated_liquid_in_the_upper_head_is_exact(shell: Shell) -> None:
    for fill in (0.95, 0.97, 0.99, 1.0):
        layers = saturated_layers(shell, 9e5, fill)
        dp = sliced(shell).differential_pressure(layers, coolprop_gas(9e5, LEG_K))
        tank = tank_of(shell, fill_limit_fraction=1.0)

        found = contents(dp, 9e5, tank)
        assert found.mass_kg == pytest.approx(sliced(shell).mass(layers), abs=3e-4 * tank.capacity_kg)


@pytest.mark.parametrize("shell", STANDING_SHELLS, ids=repr)
def test_an_overfilled_standing_tank_is_overstated_by_at_most_the_corner_beside_its_upper_head_and_says_so(
    shell: Shell,
) -> None:
    circumscribed_m3 = math.pi / 4 * shell.inner_diameter_m**2 * sliced(shell).height_m
    corner_m3 = (circumscribed_m3 - sliced(shell).volume_below(sliced(shell).height_m)) / 2
    liquid_over_vapour = coolprop_density(9e5) - coolprop_density(9e5, vapour=True)
    for fill in (0.96, 0.98, 1.0):
        found, true_kg, tank = weigh(shell, 9e5, saturated_layers(shell, 9e5, fill))
        error_kg = found.mass_kg - true_kg

        assert -5e-4 * tank.capacity_kg < error_kg < corner_m3 * liquid_over_vapour + 5e-4 * tank.capacity_kg
        assert error_kg <= 2 * found.sd_kg


@pytest.mark.parametrize(
    ("shell", "bound_percent"), [(LARGE, 0.6), (SMALL, 1.0), (ROUND, 1.25), (SQUARE, 0.05)], ids=repr
)
@pytest.mark.parametrize("pressure_bar", [8, 12, 16])
@pytest.mark.parametrize("cold_share", [0.3, 0.7, 1.0])
def test_stratified_liquid_in_a_standing_tank_is_weighed_within_the_stated_error(
    shell: Shell, bound_percent: float, pressure_bar: float, cold_share: float
) -> None:
    for fill in (0.05, 0.2, 0.5, 0.8, 0.85, 0.9, 0.95):
        layers = saturated_layers(shell, pressure_bar * 1e5, fill, cold_share)

        assert -0.05 <= error_percent(shell, pressure_bar * 1e5, layers) <= bound_percent


@pytest.mark.parametrize("shell", LYING_SHELLS, ids=repr)
@pytest.mark.parametrize("cold_share", [0.5, 1.0])
def test_stratified_liquid_in_a_lying_tank_stays_within_the_stated_error(
    shell: Shell, cold_share: float
) -> None:
    for pressure in (8e5, 12e5, 16e5):
        for fill in (0.05, 0.2, 0.4, 0.5, 0.6, 0.8, 0.85, 0.9, 0.95):
            layers = saturated_layers(shell, pressure, fill, cold_share)

            assert -2.5 <= error_percent(shell, pressure, layers) <= 3.5


def test_the_stratified_error_of_a_standing_tank_is_the_weight_missing_in_the_head() -> None:
    """The column is right; only the corner beside the bottom head is taken out with the wrong density."""
    layers = saturated_layers(LARGE, 12e5, 0.5, cold_share=1.0)
    found, true_kg, _ = weigh(LARGE, 12e5, layers)
    corner_m3 = math.pi * 0.5 / 3

    missing_kg = corner_m3 * (coolprop_density(2e5) - coolprop_density(12e5))
    assert found.mass_kg - true_kg == pytest.approx(missing_kg, rel=0.02)


def test_draw_after_a_cold_fill_is_measured_exactly_while_the_apparent_level_passes_the_upper_head() -> None:
    masses = []
    for fill in (0.95, 0.90, 0.85, 0.80, 0.75):
        found, true_kg, _ = weigh(LARGE, 12e5, saturated_layers(LARGE, 12e5, fill, cold_share=1.0))
        masses.append((found.mass_kg, true_kg))

    for (before, true_before), (after, true_after) in pairwise(masses):
        assert before - after == pytest.approx(true_before - true_after, rel=2e-3)


@given(
    shell=st.sampled_from(STANDING_SHELLS + LYING_SHELLS),
    pressure_pa=st.floats(2e5, 16e5),
    fill=st.floats(0.2, 0.9),
    dp_error=st.sampled_from((-1, 1)),
    pressure_error=st.sampled_from((-1, 1)),
)
@example(shell=LARGE, pressure_pa=16e5, fill=0.5, dp_error=1, pressure_error=1)
@settings(max_examples=60, deadline=None)
def test_saturated_mass_is_within_half_a_percent_of_capacity_with_real_instruments(
    shell: Shell, pressure_pa: float, fill: float, dp_error: int, pressure_error: int
) -> None:
    """0.075 % of the DP range (full of water), 0.25 % of 25 bar: transmitters of ordinary class."""
    vessel = sliced(shell)
    layers = saturated_layers(shell, pressure_pa, fill)
    dp = vessel.differential_pressure(layers, coolprop_gas(pressure_pa, LEG_K))
    dp += dp_error * 0.00075 * 1000 * GRAVITY * vessel.height_m
    tank = tank_of(shell, pressure_pa)

    found = contents(dp, pressure_pa + pressure_error * 0.0025 * 25e5, tank)
    assert abs(found.mass_kg - vessel.mass(layers)) <= 0.005 * tank.capacity_kg


def test_the_reference_leg_and_the_vapour_are_not_forgotten() -> None:
    """Half a tank at 12 bar: leaving out the vapour's and the leg's weight would cost several percent."""
    layers = saturated_layers(LARGE, 12e5, 0.5)
    dp = sliced(LARGE).differential_pressure(layers, coolprop_gas(12e5, LEG_K))
    naive_kg = coolprop_density(12e5) * LARGE.volume_m3(dp / GRAVITY / coolprop_density(12e5))
    found, true_kg, tank = weigh(LARGE, 12e5, layers)

    assert abs(naive_kg - true_kg) > 0.015 * tank.capacity_kg
    assert abs(found.mass_kg - true_kg) < 2e-4 * tank.capacity_kg


@pytest.mark.parametrize("shell", [LARGE, LYING], ids=repr)
def test_taps_inside_the_vessel_give_the_same_mass(shell: Shell) -> None:
    layers = saturated_layers(shell, 9e5, 0.5)
    low, high = 0.1, sliced(shell).height_m - 0.2
    leg = coolprop_gas(9e5, LEG_K)
    dp = sliced(shell).differential_pressure(layers, leg, (low, high))
    tank = tank_of(shell, bottom_tap_m=low, top_tap_m=high)

    found = contents(dp, 9e5, tank)
    assert found.mass_kg == pytest.approx(sliced(shell).mass(layers), abs=3e-4 * tank.capacity_kg)
    assert (found.quality, found.reason) == (Quality.GOOD, Reason.OK)


@pytest.mark.parametrize("shell", [LARGE, LYING], ids=repr)
def test_a_strapping_table_of_a_vessel_weighs_as_the_vessel(shell: Shell) -> None:
    height = shell.inner_height_m
    levels = [height * step / 400 for step in range(401)]
    table = StrappingTable("vertical", tuple((level, shell.volume_m3(level)) for level in levels))
    for fill in (0.05, 0.4, 0.9):
        layers = saturated_layers(shell, 9e5, fill)
        dp = sliced(shell).differential_pressure(layers, coolprop_gas(9e5, LEG_K))
        tank = tank_of(table)

        assert contents(dp, 9e5, tank).mass_kg == pytest.approx(
            sliced(shell).mass(layers), abs=5e-4 * tank.capacity_kg
        )


@pytest.mark.parametrize("pressure_pa", [None, math.nan, -1e5, 0.0, 4.1e6])
def test_without_a_usable_pressure_the_working_pressure_is_taken_and_the_reading_is_uncertain(
    pressure_pa: float | None,
) -> None:
    tank = tank_of(LARGE, 9e5)
    found, measured = contents(30_000.0, pressure_pa, tank), contents(30_000.0, 9e5, tank)

    assert (found.quality, found.reason) == (Quality.UNCERTAIN, Reason.PRESSURE_ASSUMED)
    assert (found.mass_kg, found.level_m) == (measured.mass_kg, measured.level_m)
    assert found.sd_kg > measured.sd_kg


def dp_of_column(density_kg_m3: float, pressure_pa: float = 9e5) -> float:
    """DP of LARGE when one density fills it."""
    return GRAVITY * 6.7 * (density_kg_m3 - coolprop_gas(pressure_pa, LEG_K))


@pytest.mark.parametrize(
    ("dp_pa", "quality", "reason"),
    [
        (-30_000.0, Quality.BAD, Reason.OUT_OF_SPAN),
        (-1_000.0, Quality.BAD, Reason.OUT_OF_SPAN),
        (-300.0, Quality.UNCERTAIN, Reason.OUT_OF_SPAN),  # zero drift on gas as warm as the leg
        (0.0, Quality.UNCERTAIN, Reason.OUT_OF_SPAN),  # full of gas as warm as the leg, or taps bridged
        (dp_of_column(coolprop_density(9e5, vapour=True)), Quality.GOOD, Reason.OK),  # no liquid left
        (dp_of_column(500), Quality.GOOD, Reason.OK),
        (dp_of_column(coolprop_density(9e5)), Quality.GOOD, Reason.OK),  # brim-full and saturated
        (dp_of_column(1100), Quality.UNCERTAIN, Reason.OUT_OF_SPAN),  # brim-full and cold
        (dp_of_column(1141), Quality.UNCERTAIN, Reason.OUT_OF_SPAN),
        (dp_of_column(1160), Quality.BAD, Reason.OUT_OF_SPAN),  # heavier than any liquid oxygen delivered
        (200_000.0, Quality.BAD, Reason.OUT_OF_SPAN),
    ],
)
def test_what_no_contents_explain_is_bad_and_what_odd_contents_explain_is_uncertain(
    dp_pa: float, quality: Quality, reason: Reason
) -> None:
    found = contents(dp_pa, 9e5, tank_of(LARGE))

    assert (found.quality, found.reason) == (quality, reason)


def test_out_of_span_says_more_than_an_assumed_pressure() -> None:
    assert contents(-30_000.0, None, tank_of(LARGE)).reason is Reason.OUT_OF_SPAN
    assert contents(dp_of_column(1100), None, tank_of(LARGE)).reason is Reason.OUT_OF_SPAN


def test_impossible_readings_are_not_clamped() -> None:
    below, above = contents(-30_000.0, 9e5, tank_of(LARGE)), contents(200_000.0, 9e5, tank_of(LARGE))

    assert below.mass_kg < 0 > below.level_m
    assert below.liquid_volume_m3 < 0
    assert above.mass_kg > 2 * tank_of(LARGE).capacity_kg
    assert above.level_m > 2 * LARGE.inner_height_m
    assert above.liquid_volume_m3 > 2 * LARGE.inner_volume_m3


@pytest.mark.parametrize("shell", STANDING_SHELLS + LYING_SHELLS, ids=repr)
def test_a_vessel_full_of_warm_gas_holds_that_gas(shell: Shell) -> None:
    found = contents(0.0, 9e5, tank_of(shell))

    assert found.mass_kg == pytest.approx(coolprop_gas(9e5, LEG_K) * shell.inner_volume_m3, rel=1e-3)


@given(
    shell=st.sampled_from(STANDING_SHELLS + LYING_SHELLS),
    pressure_pa=st.floats(1e5, 20e5),
    dp_pa=st.floats(-50_000, 150_000),
)
@settings(max_examples=300, deadline=None)
def test_more_differential_pressure_is_always_more_mass_without_a_jump(
    shell: Shell, pressure_pa: float, dp_pa: float
) -> None:
    tank = tank_of(shell)
    here, more = contents(dp_pa, pressure_pa, tank), contents(dp_pa + 1.0, pressure_pa, tank)
    widest_m2 = shell.section_m2 if isinstance(shell, VerticalTank) else 1.2 * 2.4 * 7

    assert 0 < more.mass_kg - here.mass_kg < 1.01 * widest_m2 / GRAVITY
    assert more.level_m > here.level_m
    assert 0 < here.sd_kg < math.inf


@given(
    fill=st.floats(0.02, 0.95),
    diameter_m=st.floats(1.0, 3.5),
    length_m=st.floats(1.0, 12.0),
    pressure_pa=st.floats(1e5, 20e5),
    standing=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_the_mass_that_made_the_differential_pressure_is_recovered(
    fill: float, diameter_m: float, length_m: float, pressure_pa: float, standing: bool
) -> None:
    """Any vessel, any pressure: volumes of the vessel (proven elsewhere), densities of CoolProp."""
    shell = (VerticalTank if standing else HorizontalTank)(diameter_m, length_m)
    liquid, vapour = coolprop_density(pressure_pa), coolprop_density(pressure_pa, vapour=True)
    level, height = shell.level_m(fill * shell.inner_volume_m3), shell.inner_height_m
    column = liquid * level + vapour * (height - level) - coolprop_gas(pressure_pa, LEG_K) * height
    tank = tank_of(shell, pressure_pa)

    found = contents(GRAVITY * column, pressure_pa, tank)
    true_kg = (liquid * fill + vapour * (1 - fill)) * shell.inner_volume_m3
    assert found.mass_kg == pytest.approx(true_kg, abs=3e-4 * tank.capacity_kg)
    assert found.quality is Quality.GOOD


@pytest.mark.parametrize("shell", STANDING_SHELLS + LYING_SHELLS, ids=repr)
@pytest.mark.parametrize("cold_share", [0.5, 1.0])
def test_the_deviation_covers_liquid_that_came_in_cold(shell: Shell, cold_share: float) -> None:
    for pressure in (4e5, 8e5, 12e5, 16e5):
        for fill in (0.05, 0.2, 0.5, 0.8, 0.9, 0.95):
            found, true_kg, _ = weigh(shell, pressure, saturated_layers(shell, pressure, fill, cold_share))

            assert abs(found.mass_kg - true_kg) <= 3.2 * found.sd_kg


def test_a_lying_tank_is_known_less_well_than_a_standing_one() -> None:
    standing, tank = weigh(LARGE, 12e5, saturated_layers(LARGE, 12e5, 0.5))[::2]
    lying, _ = weigh(LYING, 12e5, saturated_layers(LYING, 12e5, 0.5))[::2]

    assert standing.sd_kg < 0.005 * tank.capacity_kg
    assert lying.sd_kg > 2 * standing.sd_kg


@pytest.mark.parametrize("dp_pa", [math.nan, math.inf, -math.inf])
def test_a_differential_pressure_that_is_no_number_is_refused(dp_pa: float) -> None:
    with pytest.raises(ValueError, match=r"dp_pa is .*, expected a finite number"):
        contents(dp_pa, 9e5, tank_of(LARGE))


def test_a_pressure_at_the_end_of_the_table_still_has_a_deviation() -> None:
    found = contents(30_000.0, 40e5, tank_of(LARGE))

    assert found.quality is Quality.GOOD
    assert 0 < found.sd_kg < tank_of(LARGE).capacity_kg
