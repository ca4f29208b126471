"""Readings of a tank with known contents: the weighing is undone by the secant method."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from oxygen.geometry import VerticalTank
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Sample, Signal
from oxygen.tank import Tank
from oxygen.weighing import contents

S = 1_000_000
MINUTE = 60 * S
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WORKING_PA = 1_201_325.0
TANK = Tank(
    "a-1",
    "bv-a",
    VerticalTank(inner_diameter_m=2.2, cylinder_length_m=5.1, head="ellipsoidal"),
    WORKING_PA,
)

MIDNIGHT = 1_763_658_000 * S
"""Midnight in Viet Nam (UTC+7): 2025-11-21 00:00 there, 2025-11-20 17:00 UTC."""


@lru_cache(maxsize=100_000)
def dp_pa(mass_kg: float) -> float:
    """Return the differential pressure at which TANK, at working pressure, holds a mass (to a milligram)."""
    low, high = 0.0, 60_000.0
    low_kg, high_kg = _mass_kg(low), _mass_kg(high)
    while abs(high_kg - mass_kg) > 1e-6:
        following = high + (mass_kg - high_kg) * (high - low) / (high_kg - low_kg)
        low, low_kg = high, high_kg
        high, high_kg = following, _mass_kg(following)
    return high


def _mass_kg(differential_pa: float) -> float:
    return contents(differential_pa, WORKING_PA, TANK).mass_kg


def good(mass_kg: float) -> dict[str, Signal]:
    """Return the signals of a healthy reading."""
    return {
        DIFFERENTIAL_PRESSURE: Signal(dp_pa(mass_kg), raw=12.0),
        TANK_PRESSURE: Signal(WORKING_PA, raw=11.0),
    }


def broken(reason: Reason = Reason.WIRE_BREAK) -> dict[str, Signal]:
    """Return the signals of a reading whose level wire is broken; the pressure still reads."""
    return {
        DIFFERENTIAL_PRESSURE: Signal(None, Quality.BAD, reason, 0.0),
        TANK_PRESSURE: Signal(WORKING_PA, raw=11.0),
    }


def sample(
    t_us: int | None,
    signals: dict[str, Signal],
    *,
    seq: int = 1,
    subject: str = "tank:a-1",
    mono_us: int = 0,
    boot: str = "boot-1",
) -> Sample:
    """Return a sample."""
    return Sample(subject, seq, t_us, boot, mono_us, signals)


def series(times_us: Sequence[int], masses_kg: Sequence[float]) -> list[Sample]:
    """Return healthy samples, numbered from 1."""
    pairs = zip(times_us, masses_kg, strict=True)
    return [sample(t_us, good(mass), seq=seq) for seq, (t_us, mass) in enumerate(pairs, start=1)]
