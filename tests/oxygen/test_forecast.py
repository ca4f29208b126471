"""When a tank reaches its heel: known by construction, since the draw is."""

from __future__ import annotations

import pytest

from oxygen.balance import Balance
from oxygen.forecast import EmptyAt, empty_at, expected_mass_kg, hours_until
from tests.oxygen.readings import HOUR, MIDNIGHT
from tests.oxygen.test_balance import CAPACITY, fold

HEEL = 1800.0


def forecast(balance: Balance, age_h: float = 0.0) -> EmptyAt:
    found = empty_at(balance, HEEL, CAPACITY, balance.at_us + round(age_h * HOUR))
    assert found is not None
    return found


def test_a_constant_draw_gives_the_time_at_which_the_tank_truly_empties() -> None:
    balance = fold(48.0, start_kg=9000.0, draw_kg_per_h=30.0).balance

    found = forecast(balance)

    truly_us = MIDNIGHT + round((9000.0 - HEEL) / 30.0 * HOUR)
    assert abs(found.p50_us - truly_us) < 0.01 * (truly_us - balance.at_us)
    assert balance.at_us < found.p10_us < found.p50_us < found.p90_us


def test_silence_moves_the_likeliest_instant_by_nothing_and_widens_the_band() -> None:
    balance = fold(30.0).balance

    aged = [forecast(balance, age_h) for age_h in (0, 1, 5, 24, 72)]

    assert len({each.p50_us for each in aged}) == 1
    assert [each.p10_us for each in aged] == sorted({each.p10_us for each in aged}, reverse=True)
    assert [each.p90_us for each in aged] == sorted({each.p90_us for each in aged})


def test_hours_run_down_while_nobody_measures() -> None:
    balance = fold(30.0).balance
    now_us = balance.at_us + 10 * HOUR

    before = hours_until(forecast(balance).p50_us, balance.at_us)
    after = hours_until(forecast(balance, 10).p50_us, now_us)

    assert before is not None
    assert after == pytest.approx(before - 10)
    assert expected_mass_kg(balance, now_us) == pytest.approx((balance.smoothed_kg or 0.0) - 300, rel=0.01)


def test_a_tank_in_standby_has_no_time_to_empty() -> None:
    balance = fold(30.0, draw_kg_per_h=0.0).balance

    assert empty_at(balance, HEEL, CAPACITY, balance.at_us) is None
    assert hours_until(None, balance.at_us) is None


def test_a_tank_that_was_never_read_has_neither_contents_nor_forecast() -> None:
    assert expected_mass_kg(Balance(), MIDNIGHT) is None
    assert empty_at(Balance(), HEEL, CAPACITY, MIDNIGHT) is None


def test_a_tank_at_its_heel_is_empty_now_and_not_before() -> None:
    balance = fold(12.0, start_kg=HEEL + 100.0, draw_kg_per_h=30.0).balance

    found = forecast(balance)

    assert found == EmptyAt(balance.at_us, balance.at_us, balance.at_us)
    assert hours_until(found.p50_us, balance.at_us + HOUR) == 0.0


def test_a_forecast_ends_at_its_horizon() -> None:
    balance = fold(30.0, start_kg=17_000.0, draw_kg_per_h=0.8).balance

    assert forecast(balance).p50_us == balance.at_us + 60 * 24 * HOUR
