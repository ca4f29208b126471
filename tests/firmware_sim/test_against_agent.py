"""What the agent makes of the simulated module's registers, healthy and under every fault."""

from __future__ import annotations

import pytest

from edge_agent.measure import sample_signals
from edge_agent.settings import SignalConfig, TankConfig
from firmware_sim.scenario import Event, EventKind, SignalName
from firmware_sim.world import World
from oxygen import devices
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Signal
from tests.firmware_sim.worlds import NOON_US, scenario, seconds

NAMES: dict[SignalName, str] = {"dp": DIFFERENTIAL_PRESSURE, "pressure": TANK_PRESSURE}
AIR_AT_5_M_PA = 101_265.0
"""Standard atmosphere: 12 Pa a metre below 101,325 Pa."""


def agent_tank() -> TankConfig:
    profile = devices.load("moxa-iologik-e1240")

    def signal(name: str, channel: int, at_20_ma_pa: float, air_pa: float) -> SignalConfig:
        point = profile.point(f"channel{channel}_ma")
        assert point is not None
        return SignalConfig(
            name=name,
            point=point,
            status=profile.point(point.status),
            at_4_ma_pa=0.0,
            at_20_ma_pa=at_20_ma_pa,
            atmosphere_pa=air_pa,
        )

    return TankConfig(
        subject="tank:vertical-1",
        unit=1,
        profile=profile,
        signals=(
            signal(DIFFERENTIAL_PRESSURE, 0, 75_000.0, 0.0),
            signal(TANK_PRESSURE, 1, 1_600_000.0, AIR_AT_5_M_PA),
        ),
    )


def read(world: World) -> dict[str, Signal]:
    tank = agent_tank()
    return sample_signals(tank.profile, tank, world.registers("gw-test"))


def test_a_healthy_tank_is_read_as_it_is() -> None:
    world = World(scenario(), NOON_US)
    for hour in range(5):
        world.advance(NOON_US + seconds(3600 * hour))
        truth, signals = world.truth("vertical-1"), read(world)

        assert {signal.quality for signal in signals.values()} == {Quality.GOOD}
        assert signals[DIFFERENTIAL_PRESSURE].value == pytest.approx(truth.differential_pa, abs=2.0)
        assert signals[TANK_PRESSURE].value == pytest.approx(truth.pressure_pa, abs=40.0)


@pytest.mark.parametrize("signal", ["dp", "pressure"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("wire_break", Reason.WIRE_BREAK),
        ("fail_low", Reason.FAIL_LOW),
        ("fail_high", Reason.OVER_RANGE),  # the module ends at 20 mA, so its status is all that is known
    ],
)
def test_an_alarm_current_has_no_value_and_leaves_the_other_signal_alone(
    kind: EventKind, reason: Reason, signal: SignalName
) -> None:
    event = Event(kind=kind, tank="vertical-1", signal=signal, at_s=60.0, until_s=600.0)
    world = World(scenario(events=(event,)), NOON_US)
    world.advance(NOON_US + seconds(300))
    signals = read(world)
    broken = signals.pop(NAMES[signal])

    assert (broken.value, broken.quality, broken.reason) == (None, Quality.BAD, reason)
    assert [other.quality for other in signals.values()] == [Quality.GOOD]

    world.advance(NOON_US + seconds(700))
    assert read(world)[NAMES[signal]].quality is Quality.GOOD


@pytest.mark.parametrize("kind", ["stuck", "offset", "drift", "follows_pressure", "plugged"])
def test_a_lying_transmitter_looks_healthy_to_the_agent(kind: EventKind) -> None:
    """Nothing in one reading betrays it; that is the diagnosis' work over time."""
    event = Event(kind=kind, tank="vertical-1", at_s=60.0, until_s=9000.0, value=5.0)
    world = World(scenario(events=(event,)), NOON_US)
    world.advance(NOON_US + seconds(900))

    level = read(world)[DIFFERENTIAL_PRESSURE]
    assert (level.quality, level.reason) == (Quality.GOOD, Reason.OK)
    assert level.value is not None
    assert abs(level.value - world.truth("vertical-1").differential_pa) > 20.0


def test_registers_that_are_absent_are_told_as_no_answer() -> None:
    tank = agent_tank()
    signals = sample_signals(tank.profile, tank, {})

    assert {(signal.value, signal.reason) for signal in signals.values()} == {(None, Reason.NO_ANSWER)}


def test_a_tank_that_is_run_dry_is_never_confused_with_a_broken_wire() -> None:
    event = Event(kind="run_down", tank="vertical-1", at_s=10.0, to_fill_percent=-4.5, over_s=3000.0)
    world = World(scenario(events=(event,)), NOON_US)
    world.advance(NOON_US + seconds(3100))
    level = read(world)[DIFFERENTIAL_PRESSURE]

    assert world.truth("vertical-1").fill_percent < -4.0
    assert level.quality is Quality.GOOD
    assert level.value == pytest.approx(world.truth("vertical-1").differential_pa, abs=2.0)
