"""Which stock level a tank is at, from its percent and its hours to empty."""

from __future__ import annotations

from enum import StrEnum
from math import isfinite

import msgspec

from oxygen.rules.limits import StockLimits
from oxygen.rules.severity import STOCK_SEVERITIES, Severity, rank


class Band(StrEnum):
    """The worst stock limit that is crossed; `unknown` when there is nothing to judge by."""

    NORMAL = "normal"
    REORDER = "reorder"
    URGENT = "urgent"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class StockReason(StrEnum):
    """Why a tank is at its level; texts stand under `stock_reasons`."""

    ENOUGH = "enough"
    FILL_LOW = "fill_low"
    EMPTIES_SOON = "empties_soon"
    NOT_YET_RECOVERED = "not_yet_recovered"
    CONTENTS_UNKNOWN = "contents_unknown"


class BandDecision(msgspec.Struct, frozen=True):
    """A level and why."""

    band: Band
    reason: StockReason


def stock_band(
    fill_percent: float | None,
    hours_to_empty_p10: float | None,
    lead_time_h: float,
    limits: StockLimits,
    previous: str,
) -> BandDecision:
    """Return the level that percent or hours, whichever is worse, puts a tank at.

    Args:
        fill_percent: 0 is the heel, may pass 100; None when the contents are not known.
        hours_to_empty_p10: Hours until the heel in the pessimistic forecast; None when not forecastable.
        lead_time_h: The supplier's delivery time, h.
        limits: What holds for this tank.
        previous: The level before, one of Band; a level that held is left only beyond its hysteresis.

    Returns:
        `unknown` when neither figure is there: absent contents are never an empty tank.
    """
    fill = _known(fill_percent)
    hours = _known(hours_to_empty_p10)
    if fill is None and hours is None:
        return BandDecision(Band.UNKNOWN, StockReason.CONTENTS_UNKNOWN)
    held = rank(previous) if previous in STOCK_SEVERITIES else 0
    for severity in reversed(STOCK_SEVERITIES):
        percent_limit, hours_limit = thresholds(severity, lead_time_h, limits)
        if fill is not None and fill <= percent_limit:
            return BandDecision(Band(severity), StockReason.FILL_LOW)
        if hours is not None and hours <= hours_limit:
            return BandDecision(Band(severity), StockReason.EMPTIES_SOON)
        if rank(severity) <= held and (
            (fill is not None and fill <= percent_limit + limits.hysteresis_percent)
            or (hours is not None and hours <= hours_limit + limits.hysteresis_h)
        ):
            return BandDecision(Band(severity), StockReason.NOT_YET_RECOVERED)
    return BandDecision(Band.NORMAL, StockReason.ENOUGH)


def thresholds(severity: Severity, lead_time_h: float, limits: StockLimits) -> tuple[float, float]:
    """Return (percent, hours to empty) at or below which a severity holds."""
    if severity is Severity.CRITICAL:
        return limits.critical_percent, limits.critical_h
    if severity is Severity.URGENT:
        return limits.urgent_percent, limits.urgent_h
    return limits.reorder_percent, lead_time_h + limits.reorder_margin_h


def _known(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
