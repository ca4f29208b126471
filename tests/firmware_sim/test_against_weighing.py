"""The product's weighing held against the plant that does not exist: two roads to one mass."""

from __future__ import annotations

import msgspec
import pytest

from firmware_sim import scenario as plan
from firmware_sim.scenario import Event
from firmware_sim.world import TankTruth, World
from oxygen.tank import Tank, parse_geometry
from oxygen.weighing import contents
from tests.firmware_sim.worlds import HORIZONTAL, NOON_US, VERTICAL, scenario, seconds

SMALL = msgspec.structs.replace(
    VERTICAL, inner_diameter_m=1.5, cylinder_length_m=2.35, working_pressure_bar=14.0, head="hemispherical"
)
TANKS = {"vertical": VERTICAL, "horizontal": HORIZONTAL, "small": SMALL}


def registered(tank: plan.Tank) -> Tank:
    """Return the same tank as the registry would know it."""
    geometry = parse_geometry(
        {
            "orientation": tank.orientation,
            "inner_diameter_m": tank.inner_diameter_m,
            "cylinder_length_m": tank.cylinder_length_m,
            "head": tank.head,
        }
    )
    return Tank(
        code=tank.code,
        facility="bv-test",
        geometry=geometry,
        working_pressure_pa=tank.working_pressure_bar * 1e5,
    )


def weighed_kg(truth: TankTruth, tank: Tank) -> float:
    weighed = contents(truth.differential_pa, truth.pressure_pa, tank).mass_kg
    assert weighed is not None
    return weighed


@pytest.mark.parametrize("name", TANKS)
@pytest.mark.parametrize("fill_percent", [20.0, 45.0, 70.0, 90.0])
def test_a_tank_in_equilibrium_is_weighed_within_half_a_per_cent(name: str, fill_percent: float) -> None:
    simulated = msgspec.structs.replace(TANKS[name], start_fill_percent=fill_percent)
    world = World(scenario(simulated), NOON_US)
    tank = registered(simulated)
    for hour in range(6):
        world.advance(NOON_US + seconds(3600 * hour))
        truth = world.truth(simulated.code)

        assert weighed_kg(truth, tank) == pytest.approx(truth.mass_kg, abs=0.005 * tank.capacity_kg)
        assert tank.fill_percent(truth.mass_kg) == pytest.approx(truth.fill_percent, abs=0.05)


@pytest.mark.parametrize("name", ["vertical", "small"])
def test_an_upright_tank_is_weighed_within_one_and_a_half_per_cent_after_a_cold_fill(name: str) -> None:
    simulated = msgspec.structs.replace(TANKS[name], start_fill_percent=30.0)
    fill = Event(kind="refill", tank=simulated.code, at_s=60.0, to_fill_percent=85.0)
    world = World(scenario(simulated, events=(fill,)), NOON_US)
    tank = registered(simulated)
    for hour in (2, 4, 8, 24):
        world.advance(NOON_US + seconds(3600 * hour))
        truth = world.truth(simulated.code)

        assert truth.delivered_kg > 0.45 * tank.capacity_kg
        assert weighed_kg(truth, tank) == pytest.approx(truth.mass_kg, abs=0.015 * tank.capacity_kg)
