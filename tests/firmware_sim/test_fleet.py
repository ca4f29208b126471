"""Many hospitals at once."""

from __future__ import annotations

import pytest

from firmware_sim.fleet import fleet
from firmware_sim.world import World

START_US = 1_763_701_200_000_000


def test_a_fleet_fills_four_tanks_into_a_module() -> None:
    scenario = fleet(10, seed=4)

    assert len(scenario.tanks) == len({tank.code for tank in scenario.tanks}) == 10
    assert [len(scenario.tanks_of(gateway.code)) for gateway in scenario.gateways] == [4, 4, 2]
    assert {tank.system for tank in scenario.tanks} == {system.code for system in scenario.systems}


def test_every_tank_of_a_fleet_reads_within_its_span_at_its_own_level() -> None:
    world = World(fleet(200), START_US)
    world.advance(START_US + 3_600_000_000)
    fills = [world.truth(tank.code).fill_percent for tank in world.scenario.tanks]

    assert len(world.scenario.gateways) == 50
    assert len(set(fills)) == 200
    assert min(fills) > 40.0
    assert max(fills) < 86.0
    for tank in world.scenario.tanks:
        currents = world.currents_ma(tank.gateway)
        assert 4.0 < currents[tank.dp_channel] < 20.0
        assert currents[tank.pressure_channel] == pytest.approx(4 + tank.working_pressure_bar - 1, abs=1.2)
