"""Time to empty from the ledger: when the contents reach the heel if the draw goes on.

The forecast is three instants. While no reading comes they do not move later: the tank goes on emptying
whether or not anybody measures it. What ages is the certainty, so p10 comes nearer and p90 recedes.
"""

from __future__ import annotations

import math

import msgspec

from oxygen.balance import Balance, hours_since
from oxygen.units import US_PER_HOUR

Z_80 = 1.2816
"""Normal quantile of p10 and p90."""
STANDBY_FRACTION_PER_H = 2e-5
"""Of capacity per hour: below it (0.05 % a day) the tank is not in use and no time to empty exists."""
DEMAND_DRIFT_PER_SQRT_H = 0.04
"""How fast an unobserved draw may wander, relative, per square root of an hour."""
HORIZON_H = 24.0 * 60


class EmptyAt(msgspec.Struct, frozen=True):
    """Instants at which the tank reaches its heel, µs since 1970; p10 is the early one."""

    p10_us: int
    p50_us: int
    p90_us: int


def expected_mass_kg(balance: Balance, now_us: int) -> float | None:
    """Return the contents to be expected now, aged by the draw; None when there never was a reading."""
    if balance.smoothed_kg is None:
        return None
    return balance.smoothed_kg - (balance.draw_kg_per_h or 0.0) * hours_since(balance, now_us)


def empty_at(balance: Balance, heel_kg: float, capacity_kg: float, now_us: int) -> EmptyAt | None:
    """Return when the tank will reach its heel; None without a draw to go by.

    Args:
        balance: The ledger as of its last trusted value.
        heel_kg: Contents that count as empty, kg.
        capacity_kg: Of the tank; decides what counts as standby.
        now_us: Only widens the band by the age of the last reading.
    """
    draw = balance.draw_kg_per_h
    if balance.smoothed_kg is None or draw is None or draw < STANDBY_FRACTION_PER_H * capacity_kg:
        return None
    above_heel_kg = max(0.0, balance.smoothed_kg - heel_kg)
    drift = DEMAND_DRIFT_PER_SQRT_H * draw * math.sqrt(hours_since(balance, now_us))
    spread = Z_80 * math.hypot(balance.draw_sd_kg_per_h, drift)
    fast, slow = draw + spread, max(draw - spread, 0.2 * draw)
    hours = (above_heel_kg / fast, above_heel_kg / draw, above_heel_kg / slow)
    p10, p50, p90 = (balance.at_us + round(min(h, HORIZON_H) * US_PER_HOUR) for h in hours)
    return EmptyAt(p10, p50, p90)


def hours_until(instant_us: int | None, now_us: int) -> float | None:
    """Return hours from now to an instant, never negative; None when there is no instant."""
    return None if instant_us is None else max(0.0, (instant_us - now_us) / US_PER_HOUR)
