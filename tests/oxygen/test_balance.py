"""Draw and deliveries out of mass series whose truth is known because the test made it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxygen import balance as balances
from oxygen.balance import Balance, Refill
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, S

CAPACITY = 18_000.0


class Delivery(NamedTuple):
    """A delivery as it truly was: hours after the start, and kg."""

    begin_h: float
    hours: float
    mass_kg: float


def mass_at(hours: float, start_kg: float, draw_kg_per_h: float, deliveries: Sequence[Delivery]) -> float:
    """Return the true contents."""
    came = sum(d.mass_kg * min(max((hours - d.begin_h) / d.hours, 0.0), 1.0) for d in deliveries)
    return start_kg - draw_kg_per_h * hours + came


class Run(NamedTuple):
    """What the fold made of a series."""

    balance: Balance
    refills: list[Refill]
    draws: list[tuple[float, float | None]]


def fold(
    hours: float,
    *,
    start_kg: float = 9000.0,
    draw_kg_per_h: float = 30.0,
    deliveries: Sequence[Delivery] = (),
    every_s: int = 60,
    noise: Callable[[], float] = lambda: 0.0,
) -> Run:
    balance, refills, draws = Balance(), [], []
    for index in range(int(hours * 3600 / every_s)):
        now_h = index * every_s / 3600
        mass = mass_at(now_h, start_kg, draw_kg_per_h, deliveries) + noise()
        refill = balances.advance(balance, MIDNIGHT + index * every_s * S, mass, CAPACITY)
        if refill is not None:
            refills.append(refill)
        draws.append((now_h, balance.draw_kg_per_h))
    return Run(balance, refills, draws)


@pytest.mark.parametrize("every_s", [1, 10, 60])
@pytest.mark.parametrize("draw_kg_per_h", [0.0, 4.0, 30.0, 150.0])
def test_a_constant_draw_is_found_at_any_cadence(every_s: int, draw_kg_per_h: float) -> None:
    found = fold(5.0, every_s=every_s, draw_kg_per_h=draw_kg_per_h)

    assert found.balance.draw_kg_per_h == pytest.approx(draw_kg_per_h, rel=0.01, abs=1e-6)
    assert found.refills == []


def test_there_is_no_draw_before_four_hours_of_readings() -> None:
    draws = fold(6.0).draws

    assert all(draw is None for hours, draw in draws if hours < 4.0)
    assert all(draw is not None for hours, draw in draws if hours > 4.5)


@pytest.mark.parametrize(
    ("share", "hours"),
    [(0.05, 0.2), (0.05, 0.5), (0.05, 1.0), (0.1, 1.0), (0.3, 0.25), (0.3, 2.0), (0.6, 1.0), (0.6, 3.0)],
)
def test_a_delivery_is_found_with_its_size_and_times(share: float, hours: float) -> None:
    true = Delivery(begin_h=30.0, hours=hours, mass_kg=share * CAPACITY)

    (refill,) = fold(36.0, start_kg=6000.0, deliveries=[true]).refills

    assert refill.mass_kg == pytest.approx(true.mass_kg, rel=0.02)
    begin_us, end_us = MIDNIGHT + round(30 * HOUR), MIDNIGHT + round((30 + hours) * HOUR)
    assert abs(refill.start_us - begin_us) <= 5 * MINUTE
    assert abs(refill.end_us - end_us) <= 10 * MINUTE


def test_a_delivery_is_found_through_the_noise_of_a_level_transmitter() -> None:
    noise = random.Random(7)
    true = Delivery(begin_h=10.0, hours=1.0, mass_kg=0.5 * CAPACITY)

    found = fold(
        40.0, start_kg=6000.0, deliveries=[true], every_s=10, noise=lambda: noise.gauss(0, 0.003 * CAPACITY)
    )

    assert [refill.mass_kg for refill in found.refills] == [pytest.approx(true.mass_kg, rel=0.02)]
    assert found.balance.draw_kg_per_h == pytest.approx(30.0, rel=0.1)


def test_noise_alone_is_no_delivery() -> None:
    noise = random.Random(3)

    assert fold(72.0, noise=lambda: noise.gauss(0, 0.004 * CAPACITY)).refills == []


def test_two_deliveries_of_a_day_are_two() -> None:
    first, second = Delivery(5.0, 0.5, 3000.0), Delivery(12.0, 0.5, 5000.0)

    found = fold(20.0, start_kg=5000.0, deliveries=[first, second]).refills

    assert [round(refill.mass_kg, -2) for refill in found] == [3000.0, 5000.0]


def test_the_draw_is_right_for_two_days_after_a_delivery() -> None:
    """Also while the delivery passes the far end of the 24 hours' ledger, where it would be counted twice."""
    draws = fold(80.0, start_kg=6000.0, deliveries=[Delivery(30.0, 1.0, 0.6 * CAPACITY)]).draws

    settled = [draw for hours, draw in draws if hours > 32.5]
    assert settled
    assert all(draw == pytest.approx(30.0, rel=0.05) for draw in settled)


def test_during_a_delivery_the_draw_stands_still_and_is_not_taken_for_nothing() -> None:
    found = fold(36.0, start_kg=6000.0, deliveries=[Delivery(30.0, 1.5, 9000.0)])

    during = {draw for hours, draw in found.draws if 30.6 < hours < 31.4}
    assert len(during) == 1
    assert during.pop() == pytest.approx(30.0, rel=0.02)


def test_a_changed_demand_is_taken_up_within_a_day() -> None:
    balance = Balance()
    mass = 15_000.0
    for index in range(4 * 24 * 60):
        balances.advance(balance, MIDNIGHT + index * MINUTE, mass, CAPACITY)
        mass -= (20.0 if index < 2 * 24 * 60 else 80.0) / 60

    assert balance.draw_kg_per_h == pytest.approx(80.0, rel=0.02)
    assert balance.draw_sd_kg_per_h > 0


def test_a_hole_in_the_readings_is_bridged_by_what_stands_at_its_ends() -> None:
    balance = Balance()
    for index in range(20 * 60):
        if not 5 * 60 <= index < 9 * 60:
            balances.advance(balance, MIDNIGHT + index * MINUTE, 9000.0 - index / 2, CAPACITY)

    assert balance.draw_kg_per_h == pytest.approx(30.0, rel=0.01)
    assert balance.refills == []


def minutes_of(seed: int) -> Iterator[tuple[int, float]]:
    chance, mass = random.Random(seed), 9000.0
    for index in range(6 * 60):
        mass += 150.0 if 100 <= index < 130 else -chance.random()
        yield MIDNIGHT + index * MINUTE, mass


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6 * 60 - 1))
def test_a_copy_goes_on_as_the_original_would_have(seed: int, at: int) -> None:
    series = list(minutes_of(seed))
    straight, parted = Balance(), Balance()
    for t_us, mass in series:
        balances.advance(straight, t_us, mass, CAPACITY)
    for t_us, mass in series[:at]:
        balances.advance(parted, t_us, mass, CAPACITY)
    twin = balances.copy(parted)
    for t_us, mass in series[at:]:
        balances.advance(parted, t_us, mass + 5000.0, CAPACITY)  # must not reach the copy
    for t_us, mass in series[at:]:
        balances.advance(twin, t_us, mass, CAPACITY)

    assert twin == straight


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    found = fold(24.0 * 7, every_s=300, deliveries=[Delivery(24.0 * n, 0.5, 2000.0) for n in range(1, 7)])

    assert len(found.balance.bins) <= DAY // (10 * MINUTE) + 2
    assert len(found.balance.refills) <= 2
