"""Deliveries of the past, planned backwards from the level that the story wants at its beginning.

The wards' draw does not depend on the tanks, so it is computed first. Going back from the live start, the
level rises by what was drawn; where it reaches the supplier's mark, a tanker must have been there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

from firmware_sim.demand import Demand
from firmware_sim.noise import key, uniform
from firmware_sim.scenario import Deliveries
from firmware_sim.station import PlannedDelivery, delivers_at

HISTORY_STEP_S = 60
_JITTER_PERCENT = 4.0


class Past(NamedTuple):
    """What a tank begins its history with."""

    start_kg: float
    deliveries: list[PlannedDelivery]


def drawn_kg(demand: Demand, surge: Callable[[float], float], start_s: int, epoch_s: float) -> list[float]:
    """Return what the wards had drawn by the end of each step from `start_s` to the live start; [0] is 0.

    The sum follows the same noise as the plant's own steps will.
    """
    total, noise = 0.0, 0.0
    sums = [0.0]
    for now_s in range(start_s, 0, HISTORY_STEP_S):
        noise = demand.next_noise(noise, now_s, HISTORY_STEP_S)
        total += demand.draw_kg_per_h(epoch_s + now_s, noise) * surge(now_s) * HISTORY_STEP_S / 3600
        sums.append(total)
    return sums


def plan_past(
    sums: list[float],
    *,
    seed: int,
    tank: str,
    end_kg: float,
    habit: Deliveries | None,
    mass_at_fill_kg: Callable[[float], float],
    epoch_s: float,
) -> Past:
    """Return the mass at the beginning and the visits that lead to `end_kg` at the live start.

    Args:
        sums: This tank's draw, see `drawn_kg`.
        seed: Of the world.
        tank: Code; marks vary a little from visit to visit, by chance of its own.
        end_kg: Mass at the live start.
        habit: Marks and pump; None plans no visit.
        mass_at_fill_kg: From a percentage of fill.
        epoch_s: The live start, s since 1970 UTC.
    """
    steps = len(sums) - 1
    visits: list[PlannedDelivery] = []
    mass, step = end_kg, steps
    stream = key(seed, tank, "deliveries")
    while habit is not None:
        vary = [(uniform(stream, 2 * len(visits) + part) - 0.5) * _JITTER_PERCENT for part in (0, 1)]
        end = _end_of_visit(sums, mass, step, mass_at_fill_kg(habit.to_percent + vary[0]), epoch_s)
        if end is None:
            break
        after_kg = mass + sums[step] - sums[end]
        delivered = after_kg - mass_at_fill_kg(habit.under_percent + vary[1])
        lasting = int(delivered / (habit.kg_per_min * HISTORY_STEP_S / 60)) + 1
        begin = end - lasting
        if delivered <= 0 or begin < 0:
            break
        visits.append(PlannedDelivery((begin - steps) * float(HISTORY_STEP_S), delivered))
        mass, step = after_kg - delivered + sums[end] - sums[begin], begin
    return Past(mass + sums[step], visits[::-1])


def _end_of_visit(sums: list[float], mass: float, step: int, mark_kg: float, epoch_s: float) -> int | None:
    """Return the first step by day at which the tank, seen backwards, is not above the mark."""
    steps = len(sums) - 1
    end = bisect_right(sums, mass + sums[step] - mark_kg, 0, step + 1)
    if end <= 0:
        return None
    while end < step and not delivers_at(epoch_s + (end - steps) * HISTORY_STEP_S):
        end += 1
    return end if end < step else None
