"""What the engine makes of samples: contents, faults, forecast, and checkpoints that change nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxygen import engine
from oxygen.engine import Derived, TankState
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Sample, Signal
from tests.oxygen.readings import (
    HOUR,
    MIDNIGHT,
    MINUTE,
    TANK,
    WORKING_PA,
    broken,
    dp_pa,
    good,
    sample,
)


def advance(state: TankState, each: Sample) -> Derived:
    return engine.advance(state, each, engine.order_key(each, "e"), TANK)


def emptying(count: int, *, every_us: int = MINUTE) -> list[Sample]:
    """A tank that gives 30 kg an hour."""
    return [
        sample(MIDNIGHT + n * every_us, good(9000.0 - 30.0 * n * every_us / HOUR), seq=n + 1)
        for n in range(count)
    ]


def test_a_healthy_reading_becomes_contents_percent_and_dial() -> None:
    found = advance(TankState(), sample(MIDNIGHT, good(9000.0)))

    assert found.mass_kg == pytest.approx(9000.0)
    assert (found.quality, found.reason) == (Quality.GOOD, Reason.OK)
    between = (9000.0 - TANK.heel_kg) / (TANK.capacity_kg - TANK.heel_kg)
    assert found.fill_percent == pytest.approx(100 * between)
    assert found.level_fraction is not None
    assert 0.05 < found.level_fraction < 0.95
    assert found.pressure_pa == WORKING_PA
    assert found.hours_to_empty_p50 is None


def test_the_hours_to_empty_come_true() -> None:
    state = TankState()
    found = [advance(state, each) for each in emptying(26 * 60)][-1]

    assert found.hours_to_empty_p50 == pytest.approx((9000.0 - 30 * 26 - TANK.heel_kg) / 30, rel=0.01)
    bounds = [found.hours_to_empty_p10, found.hours_to_empty_p50, found.hours_to_empty_p90]
    assert bounds == sorted(bounds, key=lambda hours: hours or 0.0)
    assert len(set(bounds)) == 3


def test_a_broken_wire_freezes_the_contents_and_says_so() -> None:
    state = TankState()
    for each in emptying(6 * 60):
        advance(state, each)
    last_good_us, mass_kg, draw = state.balance.at_us, state.balance.smoothed_kg, state.balance.draw_kg_per_h

    later = [sample(MIDNIGHT + 6 * HOUR + n * MINUTE, broken(), seq=1000 + n) for n in range(60)]
    found = [advance(state, each) for each in later][-1]

    assert found.mass_kg is None
    assert found.fill_percent is None
    assert found.level_fraction is None
    assert (found.quality, found.reason) == (Quality.BAD, Reason.WIRE_BREAK)
    assert found.smoothed_kg == mass_kg
    assert found.draw_kg_per_h == draw
    assert state.balance.at_us == last_good_us
    assert state.pressure_pa == WORKING_PA
    assert state.count == 6 * 60 + 60


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.TEST])
def test_a_value_that_is_not_trusted_never_moves_the_contents(quality: Quality) -> None:
    state = TankState()
    advance(state, sample(MIDNIGHT, good(9000.0)))
    level = Signal(dp_pa(2000.0), quality, Reason.IN_TEST)

    found = advance(state, sample(MIDNIGHT + MINUTE, {DIFFERENTIAL_PRESSURE: level}, seq=2))

    assert found.quality is quality
    assert found.mass_kg is None
    assert state.balance.smoothed_kg == pytest.approx(9000.0)


def test_an_uncertain_level_counts_and_stays_uncertain() -> None:
    level = Signal(dp_pa(9000.0), Quality.UNCERTAIN, Reason.DATED_BY_SERVER)

    found = advance(TankState(), sample(MIDNIGHT, good(1.0) | {DIFFERENTIAL_PRESSURE: level}))

    assert found.mass_kg == pytest.approx(9000.0)
    assert (found.quality, found.reason) == (Quality.UNCERTAIN, Reason.DATED_BY_SERVER)


def test_without_a_pressure_the_working_pressure_is_taken_and_named() -> None:
    found = advance(TankState(), sample(MIDNIGHT, {DIFFERENTIAL_PRESSURE: Signal(dp_pa(9000.0))}))

    assert found.mass_kg == pytest.approx(9000.0)
    assert (found.quality, found.reason) == (Quality.UNCERTAIN, Reason.PRESSURE_ASSUMED)
    assert found.pressure_pa is None


def test_a_level_outside_the_tank_is_no_contents() -> None:
    state = TankState()
    advance(state, sample(MIDNIGHT, good(9000.0)))
    level = Signal(500_000.0)

    found = advance(state, sample(MIDNIGHT + MINUTE, good(1.0) | {DIFFERENTIAL_PRESSURE: level}, seq=2))

    assert (found.mass_kg, found.reason) == (None, Reason.OUT_OF_SPAN)
    assert state.balance.smoothed_kg == pytest.approx(9000.0)


def test_a_sample_without_a_level_has_no_contents() -> None:
    found = advance(TankState(), sample(MIDNIGHT, {TANK_PRESSURE: Signal(WORKING_PA)}))

    assert (found.quality, found.reason) == (Quality.BAD, Reason.NO_LEVEL)
    assert found.smoothed_kg is None


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_no_finite_reading_however_absurd_ends_the_program(level: float, pressure: float | None) -> None:
    signals = {DIFFERENTIAL_PRESSURE: Signal(level), TANK_PRESSURE: Signal(pressure)}
    state = TankState()

    found = advance(state, sample(MIDNIGHT, signals))

    assert found.quality is Quality.BAD or abs(found.mass_kg or 0.0) < 1e5
    assert engine.load(engine.dump(state)) == state


def test_a_sample_that_was_never_dated_has_no_place_in_the_order() -> None:
    with pytest.raises(ValueError, match="has no time"):
        engine.order_key(sample(None, good(9000.0)), "e")


STORY = [
    *emptying(300),
    *[sample(MIDNIGHT + (300 + n) * MINUTE, broken(), seq=301 + n) for n in range(20)],
    *[sample(MIDNIGHT + (320 + n) * MINUTE, good(8800.0 + 120.0 * n), seq=321 + n) for n in range(50)],
    *[sample(MIDNIGHT + (370 + n) * MINUTE, good(14_700.0 - n), seq=371 + n) for n in range(60)],
]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(STORY)), max_size=4))
def test_stopping_at_checkpoints_and_going_on_from_copies_changes_nothing(stops: list[int]) -> None:
    straight, parted = TankState(), TankState()
    expected = [advance(straight, each) for each in STORY]

    found = []
    for index, each in enumerate(STORY):
        if index in stops:
            parted = engine.load(engine.dump(parted))
        twin = engine.copy(parted)
        found.append(advance(parted, each))
        if index % 50 == 0:
            advance(twin, sample(each.t_us, good(20.0), seq=9999))  # must not reach the original

    assert found == expected
    assert parted == straight
    assert len(straight.days[-1].refills) == 1


def test_a_checkpoint_of_another_version_is_told_apart() -> None:
    assert engine.is_readable(engine.dump(TankState()))
    assert not engine.is_readable(b"something else")
    assert not engine.is_readable(msgspec.msgpack.encode({"count": "many"}))


def test_only_the_latest_days_are_kept() -> None:
    state = TankState()
    for n in range(10):
        advance(state, sample(MIDNIGHT + n * 24 * HOUR, good(9000.0), seq=n + 1))

    assert [day.day for day in state.days] == ["2025-11-28", "2025-11-29", "2025-11-30"]
