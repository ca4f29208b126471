"""When a tank will be empty, and what becomes of that while nobody measures."""

from __future__ import annotations

import pytest

from oxygen.balance import Balance
from oxygen.forecast import empty_at, expected_mass_kg, hours_until
from tests.oxygen.readings import HOUR, MIDNIGHT

CAPACITY_KG = 20_000.0
HEEL_KG = 1_000.0
BALANCE = Balance(smoothed_kg=5_000.0, at_us=MIDNIGHT, draw_kg_per_h=80.0, draw_sd_kg_per_h=8.0)


def test_the_middle_is_what_is_left_above_the_heel_by_the_draw() -> None:
    """4,000 kg at 80 kg/h last fifty hours."""
    empty = empty_at(BALANCE, HEEL_KG, CAPACITY_KG, MIDNIGHT)

    assert empty is not None
    assert (empty.p50_us - MIDNIGHT) / HOUR == pytest.approx(50.0)
    assert empty.p10_us < empty.p50_us < empty.p90_us


def test_silence_moves_the_middle_not_at_all_and_widens_the_band() -> None:
    """The tank goes on emptying; only the certainty ages."""
    fresh = empty_at(BALANCE, HEEL_KG, CAPACITY_KG, MIDNIGHT)
    aged = empty_at(BALANCE, HEEL_KG, CAPACITY_KG, MIDNIGHT + 12 * HOUR)

    assert fresh is not None
    assert aged is not None
    assert aged.p50_us == fresh.p50_us
    assert aged.p10_us < fresh.p10_us
    assert aged.p90_us > fresh.p90_us


def test_expected_contents_fall_by_the_draw_while_nobody_measures() -> None:
    """Ten hours at 80 kg/h."""
    assert expected_mass_kg(BALANCE, MIDNIGHT + 10 * HOUR) == pytest.approx(4_200.0)
    assert expected_mass_kg(Balance(), MIDNIGHT) is None


@pytest.mark.parametrize(
    "balance",
    [
        Balance(),
        Balance(smoothed_kg=5_000.0, at_us=MIDNIGHT),
        Balance(smoothed_kg=5_000.0, at_us=MIDNIGHT, draw_kg_per_h=0.1),
    ],
    ids=["never read", "no ledger yet", "standby: boil-off is no consumption"],
)
def test_without_a_draw_there_is_no_time_to_empty(balance: Balance) -> None:
    """Absent, not infinite and not zero."""
    assert empty_at(balance, HEEL_KG, CAPACITY_KG, MIDNIGHT) is None


def test_a_tank_below_its_heel_is_empty_now() -> None:
    """Not in the past, and not never."""
    low = Balance(smoothed_kg=900.0, at_us=MIDNIGHT, draw_kg_per_h=80.0, draw_sd_kg_per_h=8.0)

    empty = empty_at(low, HEEL_KG, CAPACITY_KG, MIDNIGHT)

    assert empty is not None
    assert empty.p10_us == empty.p90_us == MIDNIGHT


def test_hours_until_an_instant_are_never_negative() -> None:
    """What is over is at zero hours; what does not exist has no hours."""
    assert hours_until(MIDNIGHT + 2 * HOUR, MIDNIGHT) == pytest.approx(2.0)
    assert hours_until(MIDNIGHT, MIDNIGHT + HOUR) == 0.0
    assert hours_until(None, MIDNIGHT) is None
