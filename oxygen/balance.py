"""The mass balance of one tank, folded one contents value at a time: consumption and refills.

Pure. A `Balance` is plain data that a checkpoint can hold. Values must come in order of time; late ones are
the caller's affair (it restores an older balance and folds again).

The ledger over the last 24 h is hard to beat while demand is steady (docs/physics.md, "Consumption"):
consumed = opening + refilled − closing. Ten-minute means stand at both ends, so that one noisy value moves
nothing.
"""

from __future__ import annotations

import math

import msgspec

from oxygen.units import S_PER_HOUR, US_PER_HOUR, US_PER_S

WINDOW_US = 24 * US_PER_HOUR
BIN_US = 600 * US_PER_S
MIN_LEDGER_US = 4 * US_PER_HOUR
"""A shorter ledger is mostly level noise: at four hours 0.1 % of capacity per hour."""
SMOOTHING_S = 120.0
TROUGH_LIFETIME_US = US_PER_HOUR
SETTLING_US = 15 * 60 * US_PER_S
REFILL_RISE_FRACTION = 0.025
"""Of capacity: above the swing of a level signal's correlated noise (±2 × 0.3 %), below any real delivery."""
PEAK_RISE_FRACTION = 0.001
LEVEL_SD_FRACTION = 0.003
"""Standard deviation of a ten-minute mean, of capacity (correlated level noise)."""
DEMAND_VARIATION = 0.10
"""Relative standard deviation of the next day's demand against the last one's, when steady."""


class Refill(msgspec.Struct, frozen=True, array_like=True):
    """One delivery as measured: from the trough before it to the settled contents after it.

    Attributes:
        start_us: When the contents began to rise.
        end_us: When they stopped rising.
        mass_kg: What came in, with the draw during the delivery added back.
        sd_kg: Standard deviation of that.
    """

    start_us: int
    end_us: int
    mass_kg: float
    sd_kg: float


class Mean(msgspec.Struct, array_like=True):
    """Contents over one ten-minute bin."""

    start_us: int
    total_kg: float
    count: int

    @property
    def mass_kg(self) -> float:
        """Mean contents, kg."""
        return self.total_kg / self.count


class Filling(msgspec.Struct, array_like=True):
    """A delivery in progress."""

    start_us: int
    before_kg: float
    peak_us: int
    peak_kg: float


class Balance(msgspec.Struct):
    """What the fold remembers of a tank.

    Attributes:
        smoothed_kg: Contents smoothed over two minutes; None before the first value.
        at_us: Time of the last value.
        trough_kg, trough_us: Lowest smoothed contents lately; a rise is measured from here.
        filling: The delivery in progress, if any.
        refills: Finished deliveries of the last 24 h, oldest first.
        bins: Ten-minute means of the last 24 h, oldest first; the last one is still growing.
        draw_kg_per_h: Mean draw of the ledger, or None when there is too little of it. Frozen in a delivery.
        draw_sd_kg_per_h: Standard deviation of the draw to be expected next.
    """

    smoothed_kg: float | None = None
    at_us: int = 0
    trough_kg: float = 0.0
    trough_us: int = 0
    filling: Filling | None = None
    refills: list[Refill] = []
    bins: list[Mean] = []
    draw_kg_per_h: float | None = None
    draw_sd_kg_per_h: float = 0.0


def copy(balance: Balance) -> Balance:
    """Return an independent balance (finished refills are immutable and shared)."""
    filling = balance.filling
    return Balance(
        smoothed_kg=balance.smoothed_kg,
        at_us=balance.at_us,
        trough_kg=balance.trough_kg,
        trough_us=balance.trough_us,
        filling=None if filling is None else msgspec.structs.replace(filling),
        refills=balance.refills.copy(),
        bins=[*balance.bins[:-1], *map(msgspec.structs.replace, balance.bins[-1:])],
        draw_kg_per_h=balance.draw_kg_per_h,
        draw_sd_kg_per_h=balance.draw_sd_kg_per_h,
    )


def advance(balance: Balance, t_us: int, mass_kg: float, capacity_kg: float) -> Refill | None:
    """Fold one trusted contents value in; return the delivery that it completed, if it did.

    Args:
        balance: Changed in place.
        t_us: Time of the reading, not before the last one.
        mass_kg: Contents, kg.
        capacity_kg: Of this tank; thresholds are fractions of it.
    """
    smoothed = _smooth(balance, t_us, mass_kg)
    finished = _follow_filling(balance, t_us, smoothed, capacity_kg)
    _add_to_bins(balance, t_us, mass_kg, capacity_kg)
    return finished


def _smooth(balance: Balance, t_us: int, mass_kg: float) -> float:
    if balance.smoothed_kg is None:
        balance.smoothed_kg = mass_kg
        balance.trough_kg, balance.trough_us = mass_kg, t_us
    else:
        elapsed_s = max(0, t_us - balance.at_us) / US_PER_S
        weight = 1.0 - math.exp(-elapsed_s / SMOOTHING_S)
        balance.smoothed_kg += weight * (mass_kg - balance.smoothed_kg)
    balance.at_us = t_us
    return balance.smoothed_kg


def _follow_filling(balance: Balance, t_us: int, smoothed_kg: float, capacity_kg: float) -> Refill | None:
    filling = balance.filling
    if filling is None:
        if smoothed_kg - balance.trough_kg > REFILL_RISE_FRACTION * capacity_kg:
            balance.filling = Filling(balance.trough_us, balance.trough_kg, t_us, smoothed_kg)
            _update_draw(balance, capacity_kg)
        elif smoothed_kg <= balance.trough_kg or t_us - balance.trough_us > TROUGH_LIFETIME_US:
            balance.trough_kg, balance.trough_us = smoothed_kg, t_us
        return None
    if smoothed_kg > filling.peak_kg + PEAK_RISE_FRACTION * capacity_kg:
        filling.peak_kg, filling.peak_us = smoothed_kg, t_us
        return None
    if t_us - filling.peak_us < SETTLING_US:
        return None
    return _finish_filling(balance, filling, t_us, smoothed_kg, capacity_kg)


def _finish_filling(
    balance: Balance, filling: Filling, t_us: int, settled_kg: float, capacity_kg: float
) -> Refill:
    drawn_kg = (balance.draw_kg_per_h or 0.0) * (t_us - filling.start_us) / US_PER_HOUR
    refill = Refill(
        start_us=filling.start_us,
        end_us=filling.peak_us,
        mass_kg=settled_kg - filling.before_kg + drawn_kg,
        sd_kg=math.sqrt(2.0) * LEVEL_SD_FRACTION * capacity_kg,
    )
    balance.filling = None
    balance.trough_kg, balance.trough_us = settled_kg, t_us
    balance.refills.append(refill)
    return refill


def _add_to_bins(balance: Balance, t_us: int, mass_kg: float, capacity_kg: float) -> None:
    start_us = t_us - t_us % BIN_US
    if balance.bins and balance.bins[-1].start_us == start_us:
        growing = balance.bins[-1]
        growing.total_kg += mass_kg
        growing.count += 1
        return
    balance.bins.append(Mean(start_us, mass_kg, 1))
    oldest_us = start_us - WINDOW_US
    while balance.bins[0].start_us < oldest_us:
        del balance.bins[0]
    while balance.refills and balance.refills[0].end_us < oldest_us:
        del balance.refills[0]
    if balance.filling is None:
        _update_draw(balance, capacity_kg)


def _update_draw(balance: Balance, capacity_kg: float) -> None:
    complete = [item for item in balance.bins[:-1] if not _in_a_delivery(item, balance)]
    if len(complete) < 2 or complete[-1].start_us - complete[0].start_us < MIN_LEDGER_US:
        return
    first, last = complete[0], complete[-1]
    hours = (last.start_us - first.start_us) / US_PER_HOUR
    refilled_kg = sum(r.mass_kg for r in balance.refills if first.start_us < r.end_us <= last.start_us)
    draw = max(0.0, (first.mass_kg + refilled_kg - last.mass_kg) / hours)
    level_sd = math.sqrt(2.0) * LEVEL_SD_FRACTION * capacity_kg / hours
    balance.draw_kg_per_h = draw
    balance.draw_sd_kg_per_h = math.hypot(DEMAND_VARIATION * draw, level_sd)


def _in_a_delivery(item: Mean, balance: Balance) -> bool:
    """A bin amid a delivery holds part of it; as an end of the ledger it would count that part twice.

    A delivery is known for one only when it has risen for a while; its first bins have passed by then.
    """
    end_us = item.start_us + BIN_US
    if balance.filling is not None and balance.filling.start_us < end_us:
        return True
    return any(refill.start_us < end_us and item.start_us <= refill.end_us for refill in balance.refills)


def hours_since(balance: Balance, now_us: int) -> float:
    """Return how long ago the last trusted value was read, hours, never negative."""
    return max(0, now_us - balance.at_us) / US_PER_S / S_PER_HOUR
