"""The 4–20 mA loop: which currents are measurements, which are failures, and scaling.

Source: NAMUR recommendation NE 43. That a current below 2 mA means wiring is this project's reading of it: a
two-wire transmitter needs about 3.6 mA to live, so nearly none of it flows only when the loop is open.
"""

from __future__ import annotations

import math

from oxygen.reading import Quality, Reason

WIRE_BREAK_BELOW_MA = 2.0
FAIL_LOW_UP_TO_MA = 3.6
GOOD_FROM_MA = 3.8
GOOD_UP_TO_MA = 20.5
FAIL_HIGH_FROM_MA = 21.0

LOW_MA = 4.0
HIGH_MA = 20.0


def classify(ma: float | None) -> tuple[Quality, Reason]:
    """Return what a loop current says about the instrument.

    Args:
        ma: Loop current, mA; None when the module did not answer.

    Returns:
        BAD with NO_ANSWER for None, with NOT_A_NUMBER for NaN and infinities, with WIRE_BREAK, FAIL_LOW or
        FAIL_HIGH for failure currents; UNCERTAIN with UNDER_RANGE or OVER_RANGE between failure and
        measurement; GOOD with OK from 3.8 to 20.5 mA, ends included.
    """
    if ma is None:
        return Quality.BAD, Reason.NO_ANSWER
    if not math.isfinite(ma):
        return Quality.BAD, Reason.NOT_A_NUMBER
    if ma < GOOD_FROM_MA:
        return _below_measurement(ma)
    if ma <= GOOD_UP_TO_MA:
        return Quality.GOOD, Reason.OK
    if ma < FAIL_HIGH_FROM_MA:
        return Quality.UNCERTAIN, Reason.OVER_RANGE
    return Quality.BAD, Reason.FAIL_HIGH


def _below_measurement(ma: float) -> tuple[Quality, Reason]:
    if ma < WIRE_BREAK_BELOW_MA:
        return Quality.BAD, Reason.WIRE_BREAK
    if ma <= FAIL_LOW_UP_TO_MA:
        return Quality.BAD, Reason.FAIL_LOW
    return Quality.UNCERTAIN, Reason.UNDER_RANGE


def scale(ma: float, low: float, high: float) -> float:
    """Return the measured value, linear from `low` at 4 mA to `high` at 20 mA, never clamped.

    Args:
        ma: Loop current, mA; classify it first.
        low: Value at 4 mA, any unit.
        high: Value at 20 mA, the same unit; may be below `low` for a reversed transmitter.
    """
    return low + (ma - LOW_MA) / (HIGH_MA - LOW_MA) * (high - low)
