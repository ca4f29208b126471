"""An alarm in words: one line, a sentence, what to do, and its figures with units.

Mails and pages take their wording from here, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oxygen.local_time import VIETNAM, from_us
from oxygen.messages import catalogue, number, text
from oxygen.units import S_PER_HOUR

Params = Mapping[str, Any]

_HOURS_SHOWN_WITHOUT_DAYS = 48


def clock_text(t_us: int | None) -> str:
    """Return an instant as HH:MM dd/MM of Viet Nam; an en dash when there is none."""
    return "–" if t_us is None else f"{from_us(t_us).astimezone(VIETNAM):%H:%M %d/%m}"


def span_text(hours: float | None, locale: str) -> str:
    """Return a length of time in words, rounded down: never more time than there is."""
    if hours is None:
        return "–"
    minutes = int(max(hours, 0.0) * 60)
    if minutes < 1:
        return text("span.now", locale)
    if minutes < 60:
        return text("span.minutes", locale, minutes=minutes)
    whole_hours = minutes // 60
    if whole_hours < _HOURS_SHOWN_WITHOUT_DAYS:
        return text("span.hours", locale, hours=whole_hours)
    return text("span.days", locale, days=whole_hours // 24, hours=whole_hours % 24)


def reason_text(reason: str, locale: str) -> str:
    """Return why a rule holds, from `alarm_reasons` or, of an instrument, from `reasons`."""
    for section in ("alarm_reasons", "reasons"):
        if f"{section}.{reason}" in catalogue(locale):
            return text(f"{section}.{reason}", locale)
    return reason


def short_text(rule: str, params: Params, locale: str) -> str:
    """Return an alarm in a few words, for a subject line or a list."""
    shown = _shown(params, locale)
    reason = params.get("reason")
    if rule == "stale_data" and reason == "never_read":
        return text("alarm_short.never_read", locale)
    if rule != "low_stock":
        return text(f"alarm_short.{rule}", locale, **shown)
    fill, hours = params.get("fill_percent"), params.get("hours_to_empty_p10")
    if reason == "predicted_depletion":
        return text("alarm_short.predicted_depletion", locale, **shown)
    if fill is not None and hours is not None:
        return text("alarm_short.low_stock", locale, **shown)
    return text(
        "alarm_short.low_stock_fill" if hours is None else "alarm_short.low_stock_hours", locale, **shown
    )


def sentence(rule: str, params: Params, locale: str) -> str:
    """Return what is wrong, in one or two sentences."""
    shown = _shown(params, locale)
    keys = (f"alarm_sentence.{rule}_{params.get('reason')}", f"alarm_sentence.{rule}")
    key = next((key for key in keys if key in catalogue(locale)), None)
    if key is None:
        return reason_text(str(params.get("reason")), locale)
    return text(key, locale, **shown)


def over_sentence(rule: str, params: Params, locale: str) -> str:
    """Return that an alarm is over, and what is known now."""
    return text(f"alarm_sentence.{rule}_over", locale, **_shown(params, locale))


def advice(rule: str, severity: str, locale: str) -> str:
    """Return what a person can do about it."""
    keys = (f"alarm_advice.{rule}_{severity}", f"alarm_advice.{rule}")
    return next((text(key, locale) for key in keys if key in catalogue(locale)), "")


def figures(rule: str, params: Params, locale: str) -> list[tuple[str, str]]:
    """Return (label, value with unit) of every figure that is known, in the order of their weight."""
    rows: list[tuple[str, str]] = []
    if rule == "low_stock":
        rows += _stock_figures(params, locale)
        for quantile in ("p10", "p50"):
            hours = params.get(f"hours_to_empty_{quantile}")
            if hours is not None:
                rows.append((text(f"alarm_figure.hours_{quantile}", locale), span_text(hours, locale)))
    if params.get("as_of_us") is not None:
        rows.append((text("alarm_figure.as_of", locale), clock_text(params["as_of_us"])))
    return rows


def _stock_figures(params: Params, locale: str) -> list[tuple[str, str]]:
    per_hour = text("unit.kg_per_h", locale)
    aged_kg = None if params.get("aged_mass_kg") == params.get("mass_kg") else params.get("aged_mass_kg")
    shown = (
        ("fill", number(params.get("fill_percent"), locale, decimals=1), "%", params.get("fill_percent")),
        ("mass", number(params.get("mass_kg"), locale), "kg", params.get("mass_kg")),
        ("aged_mass", number(aged_kg, locale), "kg", aged_kg),
        (
            "draw",
            number(params.get("draw_kg_per_h"), locale, decimals=1),
            per_hour,
            params.get("draw_kg_per_h"),
        ),
    )
    return [
        (text(f"alarm_figure.{name}", locale), f"{written} {unit}")
        for name, written, unit, value in shown
        if value is not None
    ]


def _shown(params: Params, locale: str) -> dict[str, str]:
    """Return the parameters as the reader's locale writes them, under the names that the texts use."""
    silent_s = params.get("silent_s")
    return {
        "fill": number(params.get("fill_percent"), locale, decimals=1),
        "limit_percent": _plain(params.get("limit_percent"), locale),
        "limit_hours": span_text(params.get("limit_h"), locale),
        "hours_p10": span_text(params.get("hours_to_empty_p10"), locale),
        "as_of": clock_text(params.get("as_of_us")),
        "silent": span_text(None if silent_s is None else silent_s / S_PER_HOUR, locale),
        "fault": reason_text(str(params.get("fault", "")), locale),
    }


def _plain(value: float | None, locale: str) -> str:
    """Return a limit without needless decimals."""
    return number(value, locale, decimals=0 if value is None or value == round(value) else 1)
