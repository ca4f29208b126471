"""Numbers, instants, durations and ages as a person reads them. Pure: `now_us` is an argument."""

from __future__ import annotations

from datetime import date

from api.language import Language
from oxygen.local_time import VIETNAM, from_us
from oxygen.units import US_PER_S, litres_of_boiling_liquid, normal_cubic_metres

ABSENT = "–"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
DAYS_ALONE_FROM_S = 10 * DAY_S


def instant(t_us: int | None) -> str:
    """Return dd/MM/yyyy HH:MM in local time; an en dash when absent."""
    return ABSENT if t_us is None else f"{from_us(t_us).astimezone(VIETNAM):%d/%m/%Y %H:%M}"


def moment(t_us: int | None) -> str:
    """Return dd/MM HH:MM in local time, for instants near now; an en dash when absent."""
    return ABSENT if t_us is None else f"{from_us(t_us).astimezone(VIETNAM):%d/%m %H:%M}"


def clock_time(t_us: int | None) -> str:
    """Return HH:MM in local time; an en dash when absent."""
    return ABSENT if t_us is None else f"{from_us(t_us).astimezone(VIETNAM):%H:%M}"


def iso(t_us: int) -> str:
    """Return an instant for a `datetime` attribute."""
    return from_us(t_us).isoformat()


def day(local_date: date) -> str:
    """Return dd/MM/yyyy."""
    return f"{local_date:%d/%m/%Y}"


def local_date(text: str) -> str:
    """Return dd/MM/yyyy for an ISO date."""
    return day(date.fromisoformat(text))


def duration(seconds: float, language: Language) -> str:
    """Return at most two units, as `1 day 4 hours`; below a minute it says so. Negative counts as zero."""
    whole = max(0, int(seconds))
    if whole >= DAYS_ALONE_FROM_S:
        return _unit(whole // DAY_S, DAY_S, language)
    if whole >= DAY_S:
        return _pair(whole, DAY_S, HOUR_S, language)
    if whole >= HOUR_S:
        return _pair(whole, HOUR_S, MINUTE_S, language)
    if whole >= MINUTE_S:
        return _unit(whole // MINUTE_S, MINUTE_S, language)
    return language.gettext("less than a minute")


def age(t_us: int | None, now_us: int, language: Language) -> str:
    """Return `12 seconds ago`; the largest unit alone. A reading from the future counts as just read."""
    if t_us is None:
        return language.gettext("never")
    seconds = max(0, (now_us - t_us) // US_PER_S)
    size = next((size for size in (DAY_S, HOUR_S, MINUTE_S) if seconds >= size), 1)
    return language.gettext("%(span)s ago") % {"span": _unit(seconds // size, size, language)}


def kilograms(mass_kg: float | None, language: Language, decimals: int = 0) -> str:
    """Return kg with its unit; an en dash when absent."""
    return ABSENT if mass_kg is None else f"{language.number(mass_kg, decimals)} kg"


def litres(mass_kg: float | None, language: Language) -> str:
    """Return litres of liquid boiling at 1.01325 bar, with the unit; an en dash when absent."""
    return ABSENT if mass_kg is None else f"{language.number(litres_of_boiling_liquid(mass_kg))} L"


def normal_m3(mass_kg: float | None, language: Language) -> str:
    """Return Nm³ of gas with the unit; an en dash when absent."""
    return ABSENT if mass_kg is None else f"{language.number(normal_cubic_metres(mass_kg))} Nm³"


def percent(value: float | None, language: Language, decimals: int = 0) -> str:
    """Return a percentage with its sign; an en dash when absent."""
    return ABSENT if value is None else f"{language.number(value, decimals)} %"


def _pair(seconds: int, large: int, small: int, language: Language) -> str:
    first = _unit(seconds // large, large, language)
    rest = seconds % large // small
    return f"{first} {_unit(rest, small, language)}" if rest else first


def _unit(count: int, size_s: int, language: Language) -> str:
    if size_s == DAY_S:
        return _count(count, language.ngettext("%(n)s day", "%(n)s days", count), language)
    if size_s == HOUR_S:
        return _count(count, language.ngettext("%(n)s hour", "%(n)s hours", count), language)
    if size_s == MINUTE_S:
        return _count(count, language.ngettext("%(n)s minute", "%(n)s minutes", count), language)
    return _count(count, language.ngettext("%(n)s second", "%(n)s seconds", count), language)


def _count(count: int, template: str, language: Language) -> str:
    return template % {"n": language.number(count)}
