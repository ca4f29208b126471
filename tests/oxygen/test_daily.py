"""A day's figures against sums by hand; days are those of Viet Nam."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oxygen import engine
from oxygen.balance import Refill
from oxygen.daily import DayFigures, add_refill, copy
from oxygen.engine import TankState
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, TANK, S, broken, good, sample

TODAY, TOMORROW, YESTERDAY = "2025-11-21", "2025-11-22", "2025-11-20"


def fold(
    begin_us: int,
    end_us: int,
    mass_kg: Callable[[int], float],
    *,
    every_us: int = MINUTE,
    is_broken: Callable[[int], bool] = lambda t_us: False,
) -> TankState:
    """Fold a tank whose contents are a function of time."""
    state = TankState()
    for seq, t_us in enumerate(range(begin_us, end_us, every_us), start=1):
        signals = broken() if is_broken(t_us) else good(round(mass_kg(t_us), 6))
        engine.advance(state, sample(t_us, signals, seq=seq), (t_us, "e", seq), TANK)
    return state


def steady(t_us: int) -> float:
    """9,000 kg at midnight, 24 kg an hour less."""
    return 9000.0 - 24.0 * (t_us - MIDNIGHT) / HOUR


def test_a_day_of_steady_draw_opens_closes_and_consumes_what_the_sums_say() -> None:
    state = fold(MIDNIGHT - 3 * HOUR, MIDNIGHT + DAY + 3 * HOUR, steady)

    before, day, after = state.days
    assert [figures.day for figures in state.days] == [YESTERDAY, TODAY, TOMORROW]
    # Smoothing over two minutes lags by two minutes' draw, 0.8 kg, at both ends alike.
    assert day.opening_kg == pytest.approx(9000.0, abs=2.0)
    assert day.closing_kg == pytest.approx(9000.0 - 24 * 24, abs=2.0)
    assert day.minimum_kg == day.closing_kg
    assert day.consumed_kg == pytest.approx(24 * 24.0, abs=0.5)
    assert day.refilled_kg == 0.0
    assert day.refills == []
    assert (day.opening_kg, after.opening_kg) == (before.closing_kg, day.closing_kg)
    assert (day.first_us, day.last_us) == (MIDNIGHT, MIDNIGHT + DAY - MINUTE)


@pytest.mark.parametrize("every_us", [S, 10 * S, MINUTE])
def test_coverage_counts_minutes_whatever_the_cadence(every_us: int) -> None:
    day = fold(
        MIDNIGHT,
        MIDNIGHT + 2 * HOUR,
        steady,
        every_us=every_us,
        is_broken=lambda t_us: MIDNIGHT + 30 * MINUTE <= t_us < MIDNIGHT + 50 * MINUTE,
    ).days[-1]

    assert day.covered_minutes == 100
    assert day.samples == 2 * HOUR // every_us
    assert day.minutes_so_far(MIDNIGHT + 2 * HOUR) == 120


def test_minutes_of_a_day_are_counted_as_they_begin_and_end_at_1440() -> None:
    day = DayFigures(TODAY)

    assert day.minutes_so_far(MIDNIGHT - DAY) == 0
    assert day.minutes_so_far(MIDNIGHT) == 0
    assert day.minutes_so_far(MIDNIGHT + S) == 1
    assert day.minutes_so_far(MIDNIGHT + MINUTE) == 1
    assert day.minutes_so_far(MIDNIGHT + 3 * DAY) == 1440
    assert not day.is_over(MIDNIGHT + DAY - 1)
    assert day.is_over(MIDNIGHT + DAY)


def test_a_day_whose_wire_is_broken_all_day_has_no_figures_and_not_zero() -> None:
    day = fold(MIDNIGHT, MIDNIGHT + DAY, steady, is_broken=lambda t_us: True).days[-1]

    assert (day.opening_kg, day.closing_kg, day.minimum_kg, day.consumed_kg) == (None, None, None, None)
    assert day.covered_minutes == 0
    assert day.samples == 1440


def test_after_a_night_without_readings_the_day_opens_with_its_own_first_stock() -> None:
    state = fold(
        MIDNIGHT - 3 * HOUR,
        MIDNIGHT + 6 * HOUR,
        steady,
        is_broken=lambda t_us: MIDNIGHT - HOUR <= t_us < MIDNIGHT + HOUR,
    )

    before, day = state.days
    assert before.closing_kg == pytest.approx(steady(MIDNIGHT - HOUR), abs=2.0)
    assert day.opening_kg == pytest.approx(steady(MIDNIGHT + HOUR), abs=3.0)
    assert day.first_us == MIDNIGHT + HOUR


def delivery(begin_us: int, minutes: int, kg: float) -> Callable[[int], float]:
    """Steady draw with a delivery in it."""

    def mass_kg(t_us: int) -> float:
        share = min(max((t_us - begin_us) / (minutes * MINUTE), 0.0), 1.0)
        return steady(t_us) + kg * share

    return mass_kg


def test_a_delivery_at_noon_stands_in_its_day_and_in_no_other() -> None:
    mass_kg = delivery(MIDNIGHT + 12 * HOUR, 40, 6000.0)

    _, day, after = fold(MIDNIGHT - 12 * HOUR, MIDNIGHT + DAY + 2 * HOUR, mass_kg).days

    (refill,) = day.refills
    assert refill.mass_kg == pytest.approx(6000.0, rel=0.01)
    assert day.consumed_kg == pytest.approx(24 * 24.0, abs=20.0)
    assert day.minimum_kg == pytest.approx(steady(MIDNIGHT + 12 * HOUR), abs=5.0)
    assert after.refills == []


@pytest.mark.parametrize("minutes_before_midnight", [70, 45, 30, 20, 10, 1])
def test_a_delivery_around_midnight_leaves_both_days_their_own_consumption(
    minutes_before_midnight: int,
) -> None:
    """Forty minutes of filling, found out a quarter of an hour after the last rise."""
    midnight = MIDNIGHT + DAY
    mass_kg = delivery(midnight - minutes_before_midnight * MINUTE, 40, 6000.0)

    _, day, after = fold(MIDNIGHT - 6 * HOUR, midnight + 12 * HOUR, mass_kg).days

    came_before_midnight = 6000.0 * min(minutes_before_midnight / 40, 1.0)
    # The smoothed stock lags by two minutes' filling, 150 kg each, and the last reading by one.
    assert day.refilled_kg == pytest.approx(came_before_midnight, abs=450)
    assert day.refilled_kg + after.refilled_kg == pytest.approx(6000.0, rel=0.01)
    assert day.consumed_kg == pytest.approx(24 * 24.0, abs=25.0)
    assert after.consumed_kg == pytest.approx(12 * 24.0, abs=25.0)
    times = [
        moment for refill in (*day.refills, *after.refills) for moment in (refill.start_us, refill.end_us)
    ]
    assert times == sorted(times)
    assert all(refill.end_us <= midnight for refill in day.refills)


def test_a_delivery_whose_first_day_was_never_read_stands_whole_in_the_second() -> None:
    days = [DayFigures(YESTERDAY), DayFigures(TODAY, opening_kg=5.0, closing_kg=6.0)]
    refill = Refill(MIDNIGHT - HOUR, MIDNIGHT + HOUR, 100.0, 1.0)

    add_refill(days, refill, before_kg=1.0, draw_kg_per_h=0.0)

    assert [day.refills for day in days] == [[], [refill]]


def test_a_copy_is_independent() -> None:
    day = DayFigures(TODAY, refills=[Refill(1, 2, 3.0, 0.1)])
    twin = copy(day)
    twin.refills.clear()
    twin.opening_kg = 1.0

    assert len(day.refills) == 1
    assert day.opening_kg is None
