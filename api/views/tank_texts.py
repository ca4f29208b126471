"""The texts of a tank's figures in the reader's language; the live stream sends the same ones."""

from __future__ import annotations

from api import formats
from api.language import Language
from api.views.standing import Standing, State
from oxygen.reading import Reason
from oxygen.units import PA_PER_BAR, US_PER_S
from oxygen.wire.payloads import Status

DIFFERENCE_SHOWN_KG = 0.5
"""An estimate that differs less from the last reading is not shown beside it."""


def tank_texts(status: Status | None, verdict: Standing, now_us: int, language: Language) -> dict[str, str]:
    """Return every figure's text by field name; absent figures are an en dash, never zero."""
    mass = status.mass_kg if status else None
    return {
        "band": language.code(f"band.{verdict.band}"),
        "state": _state(verdict, language),
        "reason": _reason(status, verdict, language),
        "fill": formats.percent(status.fill_percent if status else None, language),
        "mass": formats.kilograms(mass, language),
        "litres": formats.litres(mass, language),
        "normal_m3": formats.normal_m3(mass, language),
        "draw": _draw(status.draw_kg_per_h if status else None, language),
        "pressure": _pressure(status.pressure_pa if status else None, language),
        "earliest": _earliest(status, now_us, language),
        "latest": _latest(status, now_us, language),
        "expected": _expected(status, language),
        "basis": _basis(status, verdict, language),
        "measured": formats.instant(status.as_of_us if status else None),
    }


def _state(verdict: Standing, language: Language) -> str:
    if verdict.state is State.OVERDUE:
        return language.gettext("no longer updated")
    return language.code(f"state.{verdict.state}")


def _reason(status: Status | None, verdict: Standing, language: Language) -> str:
    """Say why the figures are what they are; empty when there is nothing to say."""
    if status is None or verdict.state is State.OVERDUE:
        return ""
    if status.reason == Reason.OK or str(status.reason) == str(verdict.state):
        return ""
    return language.code(f"reasons.{status.reason}")


def _basis(status: Status | None, verdict: Standing, language: Language) -> str:
    """Say that figures are not of now, and of when they are; empty while they are current."""
    if verdict.current:
        return ""
    if status is None or status.as_of_us is None:
        return language.gettext("Nothing has been read from this tank yet.")
    return language.gettext(
        "These are the last good figures, of %(time)s. What the tank holds now is not known."
    ) % {"time": formats.instant(status.as_of_us)}


def _draw(kg_per_h: float | None, language: Language) -> str:
    if kg_per_h is None:
        return formats.ABSENT
    return f"{language.number(kg_per_h, 1 if kg_per_h < 100 else 0)} kg/h"


def _pressure(pressure_pa: float | None, language: Language) -> str:
    return formats.ABSENT if pressure_pa is None else f"{language.number(pressure_pa / PA_PER_BAR, 1)} bar"


def _earliest(status: Status | None, now_us: int, language: Language) -> str:
    if status is None or status.empty_at_p10_us is None:
        return language.gettext("no forecast")
    if status.empty_at_p10_us <= now_us:
        return language.gettext("may be empty by now")
    return _span(status.empty_at_p10_us, now_us, language)


def _latest(status: Status | None, now_us: int, language: Language) -> str:
    if status is None or status.empty_at_p10_us is None:
        return ""
    if status.empty_at_p90_us is None:
        return language.gettext("latest: cannot be told")
    if status.empty_at_p90_us <= now_us:
        return ""
    return language.gettext("at the latest in %(span)s") % {
        "span": _span(status.empty_at_p90_us, now_us, language)
    }


def _span(until_us: int, now_us: int, language: Language) -> str:
    return formats.duration((until_us - now_us) / US_PER_S, language)


def _expected(status: Status | None, language: Language) -> str:
    """Say what the tank probably holds now when the last reading is old; empty while it is fresh."""
    if status is None or status.mass_kg is None or status.aged_mass_kg is None:
        return ""
    if abs(status.aged_mass_kg - status.mass_kg) < DIFFERENCE_SHOWN_KG:
        return ""
    return language.gettext("about %(mass)s by now, by the usual draw") % {
        "mass": formats.kilograms(status.aged_mass_kg, language)
    }
