"""The world as a whole: determinism, snapshots, history, manifold, supplier, faults in registers."""

from __future__ import annotations

import json
from statistics import fmean

import msgspec
import pytest

from firmware_sim.scenario import Bank, Deliveries, Event, Gateway, Noise, Scenario, System
from firmware_sim.world import World
from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY, US_PER_HOUR
from tests.firmware_sim.worlds import HORIZONTAL, NOON_US, VERTICAL, scenario, seconds

NOISY = Noise()
WIRE = Event(kind="wire_break", tank="vertical-1", at_s=300.0, until_s=600.0)
REFILL = Event(kind="refill", tank="vertical-1", at_s=900.0, to_fill_percent=85.0)


def busy() -> Scenario:
    """Noise, two tanks, faults, a refill, a run-down, a supplier."""
    habit = Deliveries(under_percent=35.0, to_percent=90.0)
    return scenario(
        msgspec.structs.replace(VERTICAL, deliveries=habit),
        msgspec.structs.replace(HORIZONTAL, deliveries=habit),
        events=(
            WIRE,
            REFILL,
            Event(kind="run_down", tank="horizontal-1", at_s=100.0, to_fill_percent=30.0, over_s=700.0),
            Event(kind="stuck", tank="horizontal-1", signal="pressure", at_s=500.0, until_s=1500.0),
        ),
        noise=NOISY,
        seed=11,
        repeat_every_s=3600.0,
    )


def as_seen(world: World) -> tuple[object, ...]:
    truths = tuple(world.truth(tank.code) for tank in world.scenario.tanks)
    return (*truths, world.registers("gw-test"))


def test_one_leap_and_many_small_steps_lead_to_the_same_world() -> None:
    leap, walk = World(busy(), NOON_US), World(busy(), NOON_US)
    leap.advance(NOON_US + seconds(4321.7))
    for step in range(1, 4322):
        walk.advance(NOON_US + seconds(step))
        if step % 7 == 0:
            walk.registers("gw-test")
    walk.advance(NOON_US + seconds(4321.7))

    assert as_seen(leap) == as_seen(walk)


def test_history_in_one_leap_and_minute_by_minute_lead_to_the_same_world() -> None:
    leap = World.at_history_start(busy(), NOON_US, days=3)
    walk = World.at_history_start(busy(), NOON_US, days=3)
    leap.advance(NOON_US + seconds(60))
    while walk.now_us < NOON_US + seconds(60):
        walk.advance(min(walk.now_us + seconds(47), NOON_US + seconds(60)))
        walk.registers("gw-test")

    assert as_seen(leap) == as_seen(walk)


@pytest.mark.parametrize("cut_s", [0.0, 137.0, 450.0, 1000.3, 3999.0])
def test_a_world_restored_from_json_goes_on_as_if_nothing_had_been(cut_s: float) -> None:
    through, first = World(busy(), NOON_US), World(busy(), NOON_US)
    first.advance(NOON_US + seconds(cut_s))
    kept = json.loads(json.dumps(first.snapshot()))
    second = World(busy(), NOON_US + 999, kept)
    end = NOON_US + seconds(4000)
    through.advance(end)
    second.advance(end)

    assert as_seen(second) == as_seen(through)
    assert second.live_start_us == NOON_US


def test_another_seed_is_another_world() -> None:
    one, other = World(busy(), NOON_US), World(msgspec.structs.replace(busy(), seed=12), NOON_US)
    for world in (one, other):
        world.advance(NOON_US + US_PER_HOUR)

    assert one.truth("vertical-1").used_kg != other.truth("vertical-1").used_kg


def test_a_snapshot_of_another_scenario_is_rejected() -> None:
    kept = World(busy(), NOON_US).snapshot()

    with pytest.raises(Rejected, match="another scenario"):
        World(msgspec.structs.replace(busy(), seed=12), NOON_US, kept)
    with pytest.raises(Rejected, match="no snapshot"):
        World(busy(), NOON_US, {"tanks": []})


def test_time_does_not_run_backwards() -> None:
    world = World(busy(), NOON_US)
    world.advance(NOON_US + seconds(10))

    with pytest.raises(ValueError, match="cannot go back"):
        world.advance(NOON_US)


def test_mass_is_conserved_over_days_of_draw_and_deliveries() -> None:
    world = World(busy(), NOON_US)
    start = {tank.code: world.truth(tank.code).mass_kg for tank in world.scenario.tanks}
    world.advance(NOON_US + 5 * US_PER_DAY)

    for code, mass in start.items():
        truth = world.truth(code)
        balance = mass + truth.delivered_kg - truth.used_kg - truth.vented_kg
        assert truth.mass_kg == pytest.approx(balance, abs=1e-6)
        assert truth.delivered_kg > 1000.0


def test_the_wards_draw_their_mean_over_whole_weeks_and_most_in_the_late_morning() -> None:
    full = msgspec.structs.replace(VERTICAL, start_fill_percent=100.0)
    world = World(scenario(full, demand_kg_per_h=20.0, seed=5), NOON_US)
    by_hour: dict[int, list[float]] = {}
    for hour in range(1, 28 * 24 + 1):
        before = world.truth("vertical-1").used_kg
        world.advance(NOON_US + hour * US_PER_HOUR)
        by_hour.setdefault((11 + hour) % 24, []).append(world.truth("vertical-1").used_kg - before)
    means = {hour: fmean(values) for hour, values in by_hour.items()}

    assert fmean(means.values()) == pytest.approx(20.0, rel=0.02)
    assert max(means, key=means.__getitem__) in (9, 10)
    assert means[10] / 20.0 == pytest.approx(1.14, abs=0.05)
    assert min(means.values()) / 20.0 > 0.78


@pytest.mark.parametrize("live_us", [NOON_US, NOON_US + 9 * US_PER_HOUR, NOON_US + 15 * US_PER_HOUR])
def test_history_ends_at_the_level_the_story_begins_with(live_us: int) -> None:
    habit = Deliveries(under_percent=35.0, to_percent=90.0)
    tank = msgspec.structs.replace(VERTICAL, start_fill_percent=37.0, deliveries=habit)
    world = World.at_history_start(scenario(tank, demand_kg_per_h=70.0), live_us, days=30)
    fills = []
    while world.now_us < live_us:
        world.advance(world.now_us + US_PER_HOUR)
        fills.append(world.truth("vertical-1").fill_percent)

    assert world.truth("vertical-1").fill_percent == pytest.approx(37.0, abs=0.01)
    assert world.truth("vertical-1").delivered_kg > 3 * 0.5 * 17_000
    assert min(fills) > 30.0
    assert max(fills) < 95.0


def test_history_lets_tankers_come_by_day_only() -> None:
    habit = Deliveries(under_percent=35.0, to_percent=90.0)
    tank = msgspec.structs.replace(VERTICAL, deliveries=habit)
    world = World.at_history_start(scenario(tank, demand_kg_per_h=70.0), NOON_US, days=30)
    hours = set()
    while world.now_us < NOON_US:
        world.advance(world.now_us + seconds(600))
        if world.truth("vertical-1").filling:
            hours.add((world.now_us // US_PER_HOUR + 7) % 24)

    assert hours
    assert min(hours) >= 5
    assert max(hours) <= 20


def test_the_rate_leaves_history_alone_and_hurries_what_follows() -> None:
    slow = World.at_history_start(scenario(), NOON_US, days=2)
    fast = World.at_history_start(scenario(rate=60.0), NOON_US, days=2)
    for world in (slow, fast):
        world.advance(NOON_US)
    assert fast.truth("vertical-1") == slow.truth("vertical-1")

    before = slow.truth("vertical-1").used_kg
    for world in (slow, fast):
        world.advance(NOON_US + seconds(600))

    drawn = [world.truth("vertical-1").used_kg - before for world in (slow, fast)]
    assert drawn[1] == pytest.approx(60 * drawn[0], rel=1e-6)


def test_tanks_on_one_manifold_share_and_the_last_one_carries_all() -> None:
    first = msgspec.structs.replace(VERTICAL, code="a-1", start_fill_percent=2.0)
    second = msgspec.structs.replace(
        VERTICAL, code="a-2", dp_channel=2, pressure_channel=3, start_fill_percent=80.0
    )
    world = World(scenario(first, second, demand_kg_per_h=300.0), NOON_US)
    world.advance(NOON_US + US_PER_HOUR)
    both = [world.truth("a-1").draw_kg_per_h, world.truth("a-2").draw_kg_per_h]
    world.advance(NOON_US + 16 * US_PER_HOUR)

    low, high = world.truth("a-1"), world.truth("a-2")
    assert min(both) > 30.0
    assert low.liquid_m3 == 0.0
    assert low.pressure_pa < high.pressure_pa - 1e5
    assert high.draw_kg_per_h > 10 * low.draw_kg_per_h
    assert high.draw_kg_per_h > 200.0


def test_the_bank_takes_over_when_every_tank_is_low_and_gives_back_after_a_refill() -> None:
    low = msgspec.structs.replace(VERTICAL, start_fill_percent=4.0)
    system = System(
        code="test-main",
        demand_kg_per_h=60.0,
        bank=Bank(code="test-bank", cylinders=60, change_over_under_percent=3.0),
    )
    refill = Event(kind="refill", tank="vertical-1", at_s=20_000.0, to_fill_percent=60.0)
    world = World(scenario(low, systems=(system,), events=(refill,)), NOON_US)
    assert not world.bank_truth("test-main").in_use
    full = world.bank_truth("test-main").mass_kg

    world.advance(NOON_US + seconds(15_000))
    taken_over = world.bank_truth("test-main")
    world.advance(NOON_US + seconds(24_000))
    given_back = world.bank_truth("test-main")
    world.advance(NOON_US + seconds(28_000))

    assert full == pytest.approx(60 * 0.040 * 199.5, rel=0.01)  # CoolProp: 199.5 kg/m³ at 148 bar and 30 °C
    assert taken_over.in_use
    assert taken_over.mass_kg < full
    assert taken_over.pressure_pa < 148e5
    assert not given_back.in_use
    assert 0.0 < given_back.mass_kg == world.bank_truth("test-main").mass_kg


def test_a_run_down_arrives_at_its_level_at_its_time() -> None:
    event = Event(kind="run_down", tank="vertical-1", at_s=100.0, to_fill_percent=20.0, over_s=1200.0)
    world = World(scenario(events=(event,)), NOON_US)
    world.advance(NOON_US + seconds(700))
    halfway = world.truth("vertical-1").fill_percent
    world.advance(NOON_US + seconds(1300))

    assert halfway == pytest.approx(40.0, abs=0.3)
    assert world.truth("vertical-1").fill_percent == pytest.approx(20.0, abs=0.05)


def test_a_refill_by_mass_brings_just_that() -> None:
    event = Event(kind="refill", tank="vertical-1", at_s=60.0, kg=1234.5, kg_per_min=400.0)
    world = World(scenario(events=(event,)), NOON_US)
    world.advance(NOON_US + US_PER_HOUR)

    assert world.truth("vertical-1").delivered_kg == pytest.approx(1234.5, abs=1e-9)


def test_the_supplier_comes_after_the_lead_time_by_day_and_fills_to_the_mark() -> None:
    habit = Deliveries(under_percent=35.0, to_percent=90.0, lead_h=8.0)
    tank = msgspec.structs.replace(VERTICAL, start_fill_percent=35.1, deliveries=habit)
    world = World(scenario(tank, demand_kg_per_h=60.0), NOON_US)
    began_us = None
    while began_us is None and world.now_us < NOON_US + US_PER_DAY:
        world.advance(world.now_us + seconds(60))
        if world.truth("vertical-1").filling:
            began_us = world.now_us
    world.advance(world.now_us + 2 * US_PER_HOUR)

    # Ordered in the early afternoon, due in the evening, so the tanker comes at six in the morning.
    assert began_us is not None
    assert began_us - NOON_US == pytest.approx(18 * US_PER_HOUR, abs=seconds(120))
    assert 85.0 < world.truth("vertical-1").fill_percent <= 90.0


def test_an_order_is_forgotten_when_somebody_else_came_first() -> None:
    habit = Deliveries(under_percent=35.0, to_percent=90.0, lead_h=2.0)
    tank = msgspec.structs.replace(VERTICAL, start_fill_percent=30.0, deliveries=habit)
    early = Event(kind="refill", tank="vertical-1", at_s=600.0, kg=8000.0)
    world = World(scenario(tank, events=(early,)), NOON_US)
    world.advance(NOON_US + 6 * US_PER_HOUR)

    assert world.truth("vertical-1").delivered_kg == pytest.approx(8000.0)


def test_the_story_repeats_after_its_period() -> None:
    world = World(scenario(events=(WIRE,), repeat_every_s=7200.0), NOON_US)
    broken = []
    for minute in range(260):
        world.advance(NOON_US + seconds(60 * minute))
        if world.currents_ma("gw-test")[0] == 0.0:
            broken.append(minute)

    assert broken == [5, 6, 7, 8, 9, 125, 126, 127, 128, 129, 245, 246, 247, 248, 249]


def test_an_event_that_does_not_repeat_happens_once() -> None:
    once = msgspec.structs.replace(WIRE, repeat=False)
    world = World(scenario(events=(once,), repeat_every_s=7200.0), NOON_US)
    world.advance(NOON_US + seconds(7200 + 400))

    assert world.currents_ma("gw-test")[0] > 4.0


def test_a_surge_multiplies_the_draw_of_its_system_alone() -> None:
    surge = Event(kind="surge", tank="vertical-1", at_s=3600.0, until_s=7200.0, factor=2.5)
    calm = World(scenario(VERTICAL, HORIZONTAL), NOON_US)
    world = World(scenario(VERTICAL, HORIZONTAL, events=(surge,)), NOON_US)
    for each in (calm, world):
        each.advance(NOON_US + seconds(5400))

    assert world.truth("vertical-1").draw_kg_per_h == pytest.approx(
        2.5 * calm.truth("vertical-1").draw_kg_per_h
    )
    assert world.truth("horizontal-1").draw_kg_per_h == calm.truth("horizontal-1").draw_kg_per_h


def test_a_stuck_transmitter_repeats_one_word_while_the_others_go_on() -> None:
    stuck = Event(kind="stuck", tank="vertical-1", at_s=60.0, until_s=660.0)
    world = World(scenario(events=(stuck,), noise=NOISY), NOON_US)
    level, pressure = set(), set()
    for second in range(60, 660):
        world.advance(NOON_US + seconds(second))
        words = world.registers("gw-test")
        level.add(words[4, 0])
        pressure.add(words[4, 1])
    world.advance(NOON_US + seconds(700))

    assert len(level) == 1
    assert len(pressure) > 10
    assert world.registers("gw-test")[4, 0] not in level


def test_each_second_has_its_own_noise_of_the_size_asked_for() -> None:
    noise = Noise(dp_white_percent=0.1, dp_slow_percent=0.0)
    quiet = World(scenario(demand_kg_per_h=0.0), NOON_US)
    world = World(scenario(demand_kg_per_h=0.0, noise=noise), NOON_US)
    deviations = []
    for second in range(1, 1500):
        for each in (quiet, world):
            each.advance(NOON_US + seconds(second))
        deviations.append(world.currents_ma("gw-test")[0] - quiet.currents_ma("gw-test")[0])

    spread = fmean(value * value for value in deviations) ** 0.5
    assert spread == pytest.approx(0.016, rel=0.1)
    assert len(set(deviations)) > 1400


def test_the_pressure_transmitter_feels_the_air_of_its_site() -> None:
    """At 1500 m the standard atmosphere's table says 845.6 hPa, so a gauge shows 0.168 bar more."""
    sea = World(scenario(gateways=(Gateway(code="gw-test", facility="x", altitude_m=0.0),)), NOON_US)
    high = World(scenario(gateways=(Gateway(code="gw-test", facility="x", altitude_m=1500.0),)), NOON_US)
    difference_bar = (high.currents_ma("gw-test")[1] - sea.currents_ma("gw-test")[1]) / 16.0 * 16.0

    assert difference_bar == pytest.approx(1.01325 - 0.8456, abs=2e-4)


def test_line_faults_are_told_by_gateway_and_kind() -> None:
    cut = Event(kind="network_cut", gateway="gw-test", at_s=100.0, until_s=200.0)
    silent = Event(kind="module_silent", gateway="gw-test", at_s=300.0, until_s=400.0)
    world = World(scenario(events=(cut, silent)), NOON_US)
    told = {}
    for second in (50, 150, 250, 350, 450):
        world.advance(NOON_US + seconds(second))
        told[second] = (
            world.line_fault("gw-test", "network_cut"),
            world.line_fault("gw-test", "module_silent"),
        )

    assert told == {
        50: (False, False),
        150: (True, False),
        250: (False,) * 2,
        350: (False, True),
        450: (False,) * 2,
    }
