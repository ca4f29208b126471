"""The shipped story: its levels, its times, and that it stays alive day after day."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firmware_sim import scenario_file
from firmware_sim.vessel import vessel
from firmware_sim.world import World
from oxygen.units import US_PER_DAY, US_PER_HOUR, US_PER_S

LIVE_US = 1_763_714_400_000_000 + 123_456_789


@pytest.fixture(scope="module")
def demo() -> World:
    """Thirty days on, at the live start."""
    world = World.at_history_start(scenario_file.shipped("demo"), LIVE_US)
    world.advance(LIVE_US)
    return world


@pytest.fixture
def again(demo: World) -> Callable[[], World]:
    """Return a maker of worlds that stand at the live start."""
    kept = demo.snapshot()
    return lambda: World(demo.scenario, 0, kept)


def fill(world: World, tank: str, minutes: float) -> float:
    world.advance(LIVE_US + round(minutes * 60) * US_PER_S)
    return world.truth(tank).fill_percent


def test_the_story_begins_with_its_levels(demo: World) -> None:
    levels = {tank.code: demo.truth(tank.code).fill_percent for tank in demo.scenario.tanks}

    assert levels["binh-thanh-1"] == pytest.approx(33.0, abs=0.1)
    assert levels["thu-duc-1"] == pytest.approx(40.0, abs=0.1)
    for code in ("cho-lon-1", "cho-lon-2", "cho-lon-3", "can-gio-1"):
        assert 55.0 < levels[code] < 85.0, code


def test_thirty_days_saw_several_refills_of_every_tank(demo: World) -> None:
    for tank in demo.scenario.tanks:
        truth = demo.truth(tank.code)
        assert truth.delivered_kg > 1.4 * 0.5 * truth.mass_kg / truth.fill_percent * 100, tank.code


def test_tanks_are_as_large_as_the_hospitals_say(demo: World) -> None:
    volumes = {tank.code: vessel(tank.shape).volume_m3 for tank in demo.scenario.tanks}

    assert volumes == {
        "cho-lon-1": pytest.approx(20, rel=0.01),
        "cho-lon-2": pytest.approx(20, rel=0.01),
        "cho-lon-3": pytest.approx(30, rel=0.01),
        "binh-thanh-1": pytest.approx(10, rel=0.01),
        "thu-duc-1": pytest.approx(20, rel=0.01),
        "can-gio-1": pytest.approx(5, rel=0.01),
    }


def test_every_current_stays_within_its_transmitters_span(again: Callable[[], World]) -> None:
    world = again()
    for minutes in range(0, 24 * 60, 7):
        world.advance(LIVE_US + minutes * 60 * US_PER_S)
        for tank in world.scenario.tanks:
            if tank.code == "can-gio-1" and 4 <= minutes < 15:
                continue
            currents = world.currents_ma(tank.gateway)
            assert 4.0 < currents[tank.dp_channel] < 20.0, (tank.code, minutes)
            assert 4.0 < currents[tank.pressure_channel] < 20.0, (tank.code, minutes)


def test_binh_thanh_runs_low_within_minutes_and_a_tanker_comes(again: Callable[[], World]) -> None:
    world = again()

    assert fill(world, "binh-thanh-1", 1) > 32.5
    assert fill(world, "binh-thanh-1", 2) > 30.0
    assert fill(world, "binh-thanh-1", 3) < 30.0
    assert fill(world, "binh-thanh-1", 7) < 20.0
    assert fill(world, "binh-thanh-1", 11) < 10.0
    assert 5.0 < fill(world, "binh-thanh-1", 34) < 10.0
    assert world.truth("binh-thanh-1").filling is False
    assert fill(world, "binh-thanh-1", 36) > 10.0
    assert fill(world, "binh-thanh-1", 70) == pytest.approx(88.0, abs=0.5)


def test_thu_duc_is_refilled_from_minute_3_and_offline_from_6_to_9(again: Callable[[], World]) -> None:
    world = again()
    offline = []
    for minutes in range(12):
        world.advance(LIVE_US + minutes * 60 * US_PER_S)
        if world.line_fault("gw-thu-duc", "network_cut"):
            offline.append(minutes)

    assert offline == [6, 7, 8]
    assert world.truth("thu-duc-1").filling
    assert fill(world, "thu-duc-1", 35) == pytest.approx(88.0, abs=0.5)


def test_can_gio_loses_its_level_wire_and_gets_it_back(again: Callable[[], World]) -> None:
    world = again()
    currents = {}
    for minutes in (3, 5, 13, 15):
        world.advance(LIVE_US + minutes * 60 * US_PER_S)
        currents[minutes] = world.currents_ma("gw-can-gio")

    assert [current[0] > 4.0 for current in currents.values()] == [True, False, False, True]
    assert currents[5][0] == 0.0
    assert all(current[1] > 4.0 for current in currents.values())


def test_the_story_comes_back_every_day_and_nobody_runs_dry(again: Callable[[], World]) -> None:
    world = again()
    lowest = {tank.code: 100.0 for tank in world.scenario.tanks}
    for day in range(1, 15):
        for hour in range(1, 24):
            world.advance(LIVE_US + (day - 1) * US_PER_DAY + hour * US_PER_HOUR)
            for code, level in lowest.items():
                lowest[code] = min(level, world.truth(code).fill_percent)
        world.advance(LIVE_US + day * US_PER_DAY)
        assert world.truth("binh-thanh-1").fill_percent == pytest.approx(33.0, abs=0.5), day
        assert world.truth("thu-duc-1").fill_percent == pytest.approx(40.0, abs=0.5), day
        world.advance(LIVE_US + day * US_PER_DAY + 12 * 60 * US_PER_S)
        assert world.truth("binh-thanh-1").fill_percent < 10.0, day

    for code, level in lowest.items():
        assert level > (6.0 if code == "binh-thanh-1" else 20.0), code
    assert not world.bank_truth("cho-lon-main").in_use


def test_cho_lon_3_had_its_week_of_many_patients(demo: World) -> None:
    """Draw of the twelfth day before the surge's end against the same weekday a week after."""
    world = World.at_history_start(demo.scenario, LIVE_US)
    used = []
    for day in (-16, -15, -9, -8):
        world.advance(LIVE_US + day * US_PER_DAY)
        used.append(world.truth("cho-lon-3").used_kg)
    surge, calm = used[1] - used[0], used[3] - used[2]

    assert surge / calm == pytest.approx(1.7, abs=0.12)
