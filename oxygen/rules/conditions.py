"""Whether a rule's condition holds for a subject's status at an instant, and what that rests on.

Three answers: it holds, it does not, or it cannot be known. A broken wire and a silent gateway make low stock
unknowable, so they neither raise nor clear it; only a forecast from the last good contents may still raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from oxygen.reading import Quality
from oxygen.rules.limits import Limits, Rule, StaleLimits, StockLimits
from oxygen.rules.severity import Severity, rank
from oxygen.rules.stock import Band, StockReason, stock_band, thresholds
from oxygen.units import US_PER_HOUR, US_PER_S
from oxygen.wire.payloads import Status

Params = Mapping[str, float | int | str | None]

PREDICTED_DEPLETION = "predicted_depletion"
"""Low stock by forecast alone: contents were not read lately, but what was there will be used up soon."""

_KNOWN_QUALITIES = (Quality.GOOD, Quality.UNCERTAIN, Quality.MANUAL)
_READING_STATES = ("ok", "filling")


class Activity(StrEnum):
    """Whether a condition holds."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNKNOWABLE = "unknowable"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's answer for one subject at one instant.

    Attributes:
        rule: One of Rule.
        activity: active, inactive or unknowable.
        severity: Of an active condition; None otherwise.
        reason: Code of why; see `stock_reasons`, `reasons` and `rule_reasons` in the message catalogues.
        params: Figures that a text about it shows, units in the names; None where absent.
    """

    rule: Rule
    activity: Activity
    severity: Severity | None = None
    reason: str = ""
    params: Params = {}


def event_time_us(status: Status) -> int:
    """Return the instant that a status speaks of: of its reading if it brings one, else of its evaluation."""
    brings_reading = status.source != "aged" and status.state in _READING_STATES
    return status.as_of_us if brings_reading and status.as_of_us is not None else status.evaluated_us


def is_current(status: Status, at_us: int, stale: StaleLimits) -> bool:
    """Tell whether a status says what the contents are at an instant, rather than what they once were."""
    if status.as_of_us is None or status.source == "aged" or status.state not in _READING_STATES:
        return False
    return status.quality in _KNOWN_QUALITIES and at_us - status.as_of_us <= stale.after_s * US_PER_S


def low_stock(
    status: Status, at_us: int, *, lead_time_h: float, limits: Limits, latched: Severity | None
) -> Condition:
    """Answer whether contents are low.

    Args:
        status: The newest status of the subject.
        at_us: The instant asked about, µs; its evaluation or, with no newer row, the passing of time.
        lead_time_h: The supplier's delivery time, h.
        limits: What holds for this subject.
        latched: Severity of the alarm that is raised already; its hysteresis applies.
    """
    previous = Band.NORMAL.value if latched is None else latched.value
    hours_p10 = _hours_until(status.empty_at_p10_us, at_us)
    if is_current(status, at_us, limits.stale):
        decision = stock_band(status.fill_percent, hours_p10, lead_time_h, limits.stock, previous)
        if decision.band is Band.UNKNOWN:
            return _unknowable(Rule.LOW_STOCK, StockReason.CONTENTS_UNKNOWN)
        if decision.band is Band.NORMAL:
            return Condition(
                rule=Rule.LOW_STOCK,
                activity=Activity.INACTIVE,
                reason=decision.reason,
                params=_figures(status, at_us),
            )
        severity = Severity(decision.band)
        return _low(severity, decision.reason, status, at_us, lead_time_h, limits.stock)
    predicted = stock_band(None, hours_p10, lead_time_h, limits.stock, Band.NORMAL)
    if predicted.band in (Band.NORMAL, Band.UNKNOWN) or rank(predicted.band) < rank(latched):
        return _unknowable(Rule.LOW_STOCK, status.reason)
    return _low(Severity(predicted.band), PREDICTED_DEPLETION, status, at_us, lead_time_h, limits.stock)


def stale_data(status: Status | None, at_us: int, *, limits: Limits, watched_since_us: int) -> Condition:
    """Answer whether a subject has been silent too long; works without any row at all.

    A faulty sensor is not silence: its gateway was heard when the fault was told.

    Args:
        status: The newest status, or None when there never was one.
        at_us: Now, by the server's clock.
        limits: What holds for this subject.
        watched_since_us: When watching it began; silence of a tank never read counts from there.
    """
    heard_us = None if status is None else _heard_us(status)
    since_us = watched_since_us if heard_us is None else heard_us
    silent_s = (at_us - since_us) / US_PER_S
    params: Params = {"as_of_us": heard_us, "silent_s": round(silent_s)}
    if silent_s <= limits.stale.after_s:
        # A subject never read is not fresh; it only has not been waited for long enough.
        activity = Activity.UNKNOWABLE if heard_us is None else Activity.INACTIVE
        return Condition(rule=Rule.STALE_DATA, activity=activity, reason="heard", params=params)
    return Condition(
        rule=Rule.STALE_DATA,
        activity=Activity.ACTIVE,
        severity=Severity.WARNING,
        reason="never_read" if heard_us is None else "stale",
        params=params,
    )


def sensor_fault(status: Status, at_us: int, *, limits: Limits) -> Condition:
    """Answer whether an instrument is broken; a silent gateway says nothing about its instruments."""
    params: Params = {"fault": status.reason.value, "as_of_us": status.as_of_us}
    if status.state == "fault":
        heard = at_us - status.evaluated_us <= limits.stale.after_s * US_PER_S
        if not heard:
            return _unknowable(Rule.SENSOR_FAULT, "stale")
        return Condition(
            rule=Rule.SENSOR_FAULT,
            activity=Activity.ACTIVE,
            severity=Severity.WARNING,
            reason=status.reason.value,
            params=params,
        )
    if is_current(status, at_us, limits.stale):
        return Condition(
            rule=Rule.SENSOR_FAULT, activity=Activity.INACTIVE, reason=status.reason.value, params=params
        )
    return _unknowable(Rule.SENSOR_FAULT, status.reason)


def _heard_us(status: Status) -> int | None:
    """Return when the subject's gateway was last heard of; None when it never was."""
    if status.state == "fault":
        return max(status.evaluated_us, status.as_of_us or status.evaluated_us)
    return status.as_of_us


def _hours_until(instant_us: int | None, at_us: int) -> float | None:
    return None if instant_us is None else (instant_us - at_us) / US_PER_HOUR


def _figures(status: Status, at_us: int) -> dict[str, float | int | str | None]:
    """Return what a text about contents shows; hours that have passed already read 0."""
    hours = {
        f"hours_to_empty_{name}": None if instant_us is None else max(0.0, (instant_us - at_us) / US_PER_HOUR)
        for name, instant_us in (
            ("p10", status.empty_at_p10_us),
            ("p50", status.empty_at_p50_us),
            ("p90", status.empty_at_p90_us),
        )
    }
    return {
        "fill_percent": status.fill_percent,
        "mass_kg": status.mass_kg,
        "aged_mass_kg": status.aged_mass_kg,
        "draw_kg_per_h": status.draw_kg_per_h,
        "as_of_us": status.as_of_us,
        **hours,
    }


def _low(
    severity: Severity,
    reason: str,
    status: Status,
    at_us: int,
    lead_time_h: float,
    limits: StockLimits,
) -> Condition:
    limit_percent, limit_h = thresholds(severity, lead_time_h, limits)
    return Condition(
        rule=Rule.LOW_STOCK,
        activity=Activity.ACTIVE,
        severity=severity,
        reason=reason,
        params={**_figures(status, at_us), "limit_percent": limit_percent, "limit_h": limit_h},
    )


def _unknowable(rule: Rule, reason: str) -> Condition:
    return Condition(rule=rule, activity=Activity.UNKNOWABLE, reason=reason)
