"""When an instrument has to be calibrated again. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import msgspec

WARNING_DAYS = 30
"""How long before its day a calibration counts as due soon."""


class CalibrationState(StrEnum):
    """How an instrument's calibration stands; UNKNOWN is never as good as valid."""

    UNKNOWN = "unknown"
    VALID = "valid"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


class Calibration(msgspec.Struct, frozen=True):
    """The state, the last day on which the calibration counts, and the days until then (negative: ago).

    Day and days are None when the state is unknown.
    """

    state: CalibrationState
    due_on: str | None = None
    days_left: int | None = None


def calibration(
    calibrated_on: str | None, valid_months: int | None, today: str, *, warning_days: int = WARNING_DAYS
) -> Calibration:
    """Return how a calibration stands on a day.

    Args:
        calibrated_on: Day of the last calibration, YYYY-MM-DD, or None when none is known.
        valid_months: For how long it counts, or None when nobody said.
        today: The day that is asked for.
    """
    if calibrated_on is None or valid_months is None or calibrated_on > today:
        return Calibration(CalibrationState.UNKNOWN)
    due = months_later(date.fromisoformat(calibrated_on), valid_months)
    left = (due - date.fromisoformat(today)).days
    if left < 0:
        state = CalibrationState.OVERDUE
    else:
        state = CalibrationState.DUE_SOON if left <= warning_days else CalibrationState.VALID
    return Calibration(state, due.isoformat(), left)


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last day where it is shorter."""
    first = _first_of_month(day, months)
    last = _first_of_month(day, months + 1) - timedelta(days=1)
    return min(first + timedelta(days=day.day - 1), last)


def _first_of_month(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
