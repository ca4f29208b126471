"""Figures of one tank over one local day, folded beside the balance.

Coverage counts minutes, not samples: a minute is covered when at least one trusted reading falls in it,
so that a gateway polling each second and one polling each minute are judged alike.
"""

from __future__ import annotations

from datetime import date

import msgspec

from oxygen.balance import Refill
from oxygen.local_time import day_bounds_us, local_day
from oxygen.units import US_PER_HOUR, US_PER_S

MINUTE_US = 60 * US_PER_S
CARRY_OVER_US = 30 * MINUTE_US
"""A closing stock no older than this at midnight is the next day's opening stock."""


class DayFigures(msgspec.Struct):
    """One local day of one tank. Every stock is None while no trusted reading fell in the day.

    Attributes:
        day: ISO date, Asia/Ho_Chi_Minh.
        opening_kg, closing_kg, minimum_kg: Smoothed contents.
        refills: Deliveries of this day; of one that midnight divides, the part that came in by then.
        covered_minutes: Minutes with at least one trusted reading.
        samples: Samples folded, trusted or not.
        first_us, last_us: Times of the first and last trusted reading.
        last_minute_us: The minute counted last.
    """

    day: str
    opening_kg: float | None = None
    closing_kg: float | None = None
    minimum_kg: float | None = None
    refills: list[Refill] = []
    covered_minutes: int = 0
    samples: int = 0
    first_us: int | None = None
    last_us: int | None = None
    last_minute_us: int = -1

    @property
    def refilled_kg(self) -> float:
        """Sum of the day's deliveries, kg; 0.0 when there was none."""
        return sum(refill.mass_kg for refill in self.refills)

    @property
    def consumed_kg(self) -> float | None:
        """Opening + refilled − closing, kg; None without both stocks."""
        if self.opening_kg is None or self.closing_kg is None:
            return None
        return self.opening_kg + self.refilled_kg - self.closing_kg

    def is_over(self, now_us: int) -> bool:
        """Tell whether the day has ended at `now_us`."""
        return now_us >= day_bounds_us(date.fromisoformat(self.day))[1]

    def minutes_so_far(self, now_us: int) -> int:
        """Return how many minutes of the day have begun at `now_us`, at most the whole day."""
        start_us, end_us = day_bounds_us(date.fromisoformat(self.day))
        return max(0, -(-(min(now_us, end_us) - start_us) // MINUTE_US))


def copy(figures: DayFigures) -> DayFigures:
    """Return independent figures."""
    twin = msgspec.structs.replace(figures)
    twin.refills = figures.refills.copy()
    return twin


def following(previous: DayFigures | None, day: str, start_us: int) -> DayFigures:
    """Open a new day; its opening stock is the last closing one when that is recent enough."""
    figures = DayFigures(day)
    if previous is not None and previous.last_us is not None and start_us - previous.last_us <= CARRY_OVER_US:
        figures.opening_kg = previous.closing_kg
    return figures


def add_reading(figures: DayFigures, t_us: int, smoothed_kg: float) -> None:
    """Fold one trusted contents value of this day in, in order of time."""
    if figures.opening_kg is None:
        figures.opening_kg = smoothed_kg
    figures.closing_kg = smoothed_kg
    lowest = figures.opening_kg if figures.minimum_kg is None else figures.minimum_kg
    figures.minimum_kg = min(lowest, smoothed_kg)
    minute_us = t_us - t_us % MINUTE_US
    if minute_us != figures.last_minute_us:
        figures.covered_minutes += 1
        figures.last_minute_us = minute_us
    figures.first_us = t_us if figures.first_us is None else figures.first_us
    figures.last_us = t_us


def add_refill(days: list[DayFigures], refill: Refill, before_kg: float, draw_kg_per_h: float) -> None:
    """Note a finished delivery in the day, or the two days, that it came in on.

    It is found out some time after its end. A day's consumption would be wrong by all that came in before
    midnight if the delivery stood wholly in the day of its end.

    Args:
        days: The latest days, oldest first; the last is the one in which the delivery was found.
        refill: The delivery.
        before_kg: Contents before it.
        draw_kg_per_h: Mean draw, to tell what was drawn while it came in.
    """
    first, last = (_day_at(days, t_us) for t_us in (refill.start_us, refill.end_us))
    if first is last or first.closing_kg is None:
        last.refills.append(refill)
        return
    _, midnight_us = day_bounds_us(date.fromisoformat(first.day))
    drawn_kg = draw_kg_per_h * (midnight_us - refill.start_us) / US_PER_HOUR
    before_midnight_kg = min(max(first.closing_kg - before_kg + drawn_kg, 0.0), refill.mass_kg)
    rest_kg = refill.mass_kg - before_midnight_kg
    replace = msgspec.structs.replace
    first.refills.append(replace(refill, end_us=midnight_us, mass_kg=before_midnight_kg))
    last.refills.append(replace(refill, start_us=midnight_us, mass_kg=rest_kg))


def _day_at(days: list[DayFigures], t_us: int) -> DayFigures:
    """Return the day of an instant; the oldest kept when it is older than all."""
    day = local_day(t_us).isoformat()
    return next((figures for figures in reversed(days) if figures.day <= day), days[0])
