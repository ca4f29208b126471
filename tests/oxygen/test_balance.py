"""Consumption and deliveries out of a series of contents."""

from __future__ import annotations

import random

import pytest

from oxygen import balance as balances
from oxygen.balance import Balance, Refill
from tests.oxygen.readings import HOUR, MIDNIGHT, MINUTE

CAPACITY_KG = 20_000.0
NOISE_KG = 0.0015 * CAPACITY_KG


def fold(masses_kg: list[float], step_us: int, *, seed: int | None = None) -> tuple[Balance, list[Refill]]:
    """Fold a series that begins at midnight; with a seed, sensor noise is added."""
    balance, refills = Balance(), []
    noise = random.Random(seed)
    for index, mass in enumerate(masses_kg):
        seen = mass + (noise.gauss(0.0, NOISE_KG) if seed is not None else 0.0)
        refill = balances.advance(balance, MIDNIGHT + index * step_us, seen, CAPACITY_KG)
        if refill is not None:
            refills.append(refill)
    return balance, refills


def falling(start_kg: float, kg_per_h: float, minutes: int) -> list[float]:
    """Return contents minute by minute under a steady draw."""
    return [start_kg - kg_per_h * minute / 60 for minute in range(minutes)]


def with_delivery(kg: float, *, begins: int, lasts: int, minutes: int, draw: float) -> list[float]:
    """Return contents minute by minute with one delivery poured in evenly."""
    came = [min(1.0, max(0.0, (minute - begins) / lasts)) * kg for minute in range(minutes)]
    return [mass + extra for mass, extra in zip(falling(9_000.0, draw, minutes), came, strict=True)]


def test_a_steady_draw_is_found() -> None:
    """What leaves the tank in a day, divided by the hours."""
    balance, refills = fold(falling(15_000.0, 80.0, 24 * 60), MINUTE, seed=1)

    assert balance.draw_kg_per_h == pytest.approx(80.0, rel=0.05)
    assert refills == []


def test_there_is_no_draw_before_the_ledger_is_long_enough() -> None:
    """Absent is not zero: an hour of readings says nothing about the draw."""
    balance, _ = fold(falling(15_000.0, 80.0, 60), MINUTE)

    assert balance.draw_kg_per_h is None


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_delivery_is_found_with_its_size_and_time(share: float) -> None:
    """From 5 % of capacity on: one delivery, within 2 % of capacity, in the right half hour."""
    kg = share * CAPACITY_KG
    masses = with_delivery(kg, begins=600, lasts=40, minutes=1200, draw=80.0)

    _, (refill,) = fold(masses, MINUTE, seed=2)

    assert refill.mass_kg == pytest.approx(kg, abs=0.02 * CAPACITY_KG)
    assert abs(refill.end_us - (MIDNIGHT + 640 * MINUTE)) <= 30 * MINUTE
    assert MIDNIGHT + 540 * MINUTE <= refill.start_us <= MIDNIGHT + 620 * MINUTE


def test_a_delivery_does_not_change_the_draw_neither_then_nor_a_day_later() -> None:
    """Also while one end of the ledger lies amid the delivery, 24 hours after it."""
    masses = with_delivery(8_000.0, begins=600, lasts=40, minutes=48 * 60, draw=80.0)
    balance = Balance()
    draws = []
    for index, mass in enumerate(masses):
        balances.advance(balance, MIDNIGHT + index * MINUTE, mass, CAPACITY_KG)
        if balance.draw_kg_per_h is not None:
            draws.append(balance.draw_kg_per_h)

    assert min(draws) > 70.0
    assert max(draws) < 90.0


def test_noise_alone_is_no_delivery() -> None:
    """A standing tank with a noisy transmitter gets nothing for free over two days."""
    _, refills = fold([12_000.0] * (48 * 60), MINUTE, seed=3)

    assert refills == []


def test_the_cadence_does_not_matter() -> None:
    """A reading a second and one a minute tell the same draw."""
    by_second, _ = fold([10_000.0 - 60.0 * second / 3600 for second in range(5 * 3600)], 1_000_000)
    by_minute, _ = fold(falling(10_000.0, 60.0, 5 * 60), MINUTE)

    assert by_second.draw_kg_per_h == pytest.approx(by_minute.draw_kg_per_h, rel=0.02)


def test_a_copy_is_independent() -> None:
    """Folding on in one of them leaves the other as it was."""
    balance, _ = fold(falling(15_000.0, 80.0, 5 * 60), MINUTE)
    twin = balances.copy(balance)

    balances.advance(balance, MIDNIGHT + 5 * HOUR, 1.0, CAPACITY_KG)

    assert twin.smoothed_kg != balance.smoothed_kg
    assert twin.bins[-1].start_us < MIDNIGHT + 5 * HOUR
