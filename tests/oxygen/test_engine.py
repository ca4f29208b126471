"""The fold of one tank: contents, faults, days and a checkpoint that forgets nothing."""

from __future__ import annotations

import msgspec
import pytest

from oxygen import engine
from oxygen.engine import Derived, TankState
from oxygen.reading import Quality, Reason, Sample
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, TANK, broken, good, sample, series


def fold(samples: list[Sample], state: TankState | None = None) -> tuple[TankState, list[Derived]]:
    state = TankState() if state is None else state
    return state, [engine.advance(state, item, engine.order_key(item, "e1"), TANK) for item in samples]


def steady(start_us: int, minutes: int, start_kg: float, kg_per_h: float) -> list[Sample]:
    times = [start_us + minute * MINUTE for minute in range(minutes)]
    return series(times, [round(start_kg - kg_per_h * minute / 60, 3) for minute in range(minutes)])


def test_contents_come_out_as_they_went_in() -> None:
    """12,000 kg by pressure are 12,000 kg by weight."""
    _, (derived,) = fold([sample(MIDNIGHT, good(12_000.0))])

    assert derived.mass_kg == pytest.approx(12_000.0, abs=0.1)
    assert (derived.quality, derived.reason) == (Quality.GOOD, Reason.OK)
    assert derived.fill_percent == pytest.approx(TANK.fill_percent(12_000.0), abs=0.01)


def test_a_broken_wire_has_no_contents_and_leaves_the_last_good_ones() -> None:
    """It says so, and can never look like an empty tank."""
    state, derived = fold([sample(MIDNIGHT, good(12_000.0)), sample(MIDNIGHT + MINUTE, broken(), seq=2)])

    assert (derived[-1].mass_kg, derived[-1].fill_percent) == (None, None)
    assert (derived[-1].quality, derived[-1].reason) == (Quality.BAD, Reason.WIRE_BREAK)
    assert state.balance.smoothed_kg == pytest.approx(12_000.0, abs=0.1)
    assert state.balance.at_us == MIDNIGHT


def test_a_day_adds_up() -> None:
    """Opening + refilled − closing is what the wards drew."""
    state, _ = fold(steady(MIDNIGHT, 24 * 60, 15_000.0, 60.0))

    (day,) = state.days
    assert day.opening_kg == pytest.approx(15_000.0, abs=1.0)
    assert day.consumed_kg == pytest.approx(24 * 60.0, abs=10.0)
    assert day.minimum_kg == pytest.approx(15_000.0 - 24 * 60.0, abs=10.0)
    assert day.covered_minutes == 24 * 60


def test_the_next_day_opens_with_what_the_last_one_closed_with() -> None:
    """No oxygen appears or vanishes at midnight."""
    state, _ = fold(steady(MIDNIGHT, 30 * 60, 15_000.0, 60.0))

    yesterday, today = state.days
    assert today.opening_kg == yesterday.closing_kg
    assert today.day == "2025-11-22"


def test_a_day_without_a_good_reading_has_no_stocks() -> None:
    """Absent, not zero; but its samples are counted."""
    state, _ = fold([sample(MIDNIGHT, broken())])

    (day,) = state.days
    assert (day.opening_kg, day.closing_kg, day.minimum_kg, day.consumed_kg) == (None, None, None, None)
    assert (day.covered_minutes, day.samples) == (0, 1)


def test_coverage_counts_minutes_whatever_the_cadence() -> None:
    """Ten readings in a minute cover one minute."""
    times = [MIDNIGHT + second * 6_000_000 for second in range(100)]
    state, _ = fold(series(times, [10_000.0] * 100))

    assert state.days[0].covered_minutes == 10


def test_a_checkpoint_forgets_nothing() -> None:
    """Folding on after a restart gives the same rows as folding through."""
    samples = steady(MIDNIGHT, 6 * 60, 15_000.0, 60.0)
    whole_state, whole = fold(samples)

    first, _ = fold(samples[:200])
    again, rest = fold(samples[200:], engine.load(engine.dump(first)))

    assert rest == whole[200:]
    assert msgspec.to_builtins(again) == msgspec.to_builtins(whole_state)


def test_every_sample_is_counted_once() -> None:
    """Good and bad ones alike; the count is what exactly-once is proven by."""
    samples = [*steady(MIDNIGHT, 10, 15_000.0, 60.0), sample(MIDNIGHT + HOUR, broken(), seq=11)]
    state, _ = fold(samples)

    assert state.count == 11


def test_an_undated_sample_is_refused() -> None:
    """The caller dates it or writes it down; it is never folded at a time of our own."""
    with pytest.raises(ValueError, match="has no time"):
        engine.order_key(sample(None, good(1.0)), "e1")


def test_only_the_latest_days_are_kept() -> None:
    """A state stays small however long a tank lives."""
    samples = series([MIDNIGHT + day * DAY for day in range(10)], [10_000.0] * 10)
    state, _ = fold(samples)

    assert len(state.days) <= engine.DAYS_KEPT
