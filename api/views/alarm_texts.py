"""An alarm and its history as a page shows them; the wording itself is `oxygen.messages.alarm_texts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from api import formats
from api.language import Language
from api.views.overview import facility_name, tank_name
from oxygen.errors import OxyWatchError
from oxygen.messages import alarm_texts
from oxygen.subjects import split
from records import audit
from records.alarms import Alarm, AlarmEvent
from records.registry import Registry

Pairs = tuple[tuple[str, str], ...]


class AlarmView(msgspec.Struct, frozen=True):
    """One alarm as a list shows it.

    Attributes:
        title, severity, sentence, advice: In words.
        tank, facility: Where; `href` leads to the tank, or is empty.
        waiting: Open and acknowledged by nobody.
        figures: (label, value) pairs of what the alarm was about.
        raised, cleared, acknowledged: When; empty when it has not happened.
    """

    id: int
    version: int
    title: str
    severity_code: str
    severity: str
    sentence: str
    advice: str
    tank: str
    facility: str
    href: str
    open: bool
    late: bool
    waiting: bool
    raised_us: int
    raised: str
    raised_age: str
    cleared: str
    acknowledged: str
    acknowledged_by: str
    figures: Pairs


class EventView(msgspec.Struct, frozen=True):
    """One thing that happened: when, what, by whom, with its figures and note."""

    at: str
    at_iso: str
    what: str
    actor: str
    note: str
    figures: Pairs


def alarm_view(alarm: Alarm, registry: Registry, now_us: int, language: Language) -> AlarmView:
    """Put an alarm into words."""
    locale = language.locale
    tank, facility, href = _place(alarm.subject, alarm.facility, registry, language)
    is_open = alarm.state == "open"
    over = not is_open and not alarm.late
    say = alarm_texts.over_sentence if over else alarm_texts.sentence
    return AlarmView(
        id=alarm.id,
        version=alarm.version,
        title=first_upper(language.code(f"rules.{alarm.rule}")),
        severity_code=alarm.severity,
        severity=language.code(f"severity.{alarm.severity}"),
        sentence=say(alarm.rule, alarm.params, locale),
        advice=alarm_texts.advice(alarm.rule, alarm.severity, locale) if is_open else "",
        tank=tank,
        facility=facility,
        href=href,
        open=is_open,
        late=alarm.late,
        waiting=is_open and not alarm.acknowledged,
        raised_us=alarm.raised_us,
        raised=formats.instant(alarm.raised_us),
        raised_age=formats.age(alarm.raised_us, now_us, language),
        cleared=formats.instant(alarm.cleared_us) if alarm.cleared_us is not None else "",
        acknowledged=formats.instant(alarm.acknowledged_us) if alarm.acknowledged_us is not None else "",
        acknowledged_by=alarm.acknowledged_by or "",
        figures=tuple(alarm_texts.figures(alarm.rule, alarm.params, locale)),
    )


def event_view(event: AlarmEvent, rule: str, language: Language) -> EventView:
    """Put one entry of an alarm's history into words."""
    severity, reason = event.params.get("severity"), event.params.get("reason")
    what = first_upper(language.code(f"alarm_event.{event.kind}"))
    if isinstance(severity, str):
        what = f"{what}: {language.code(f'severity.{severity}')}"
    if isinstance(reason, str) and reason:
        what = f"{what} ({alarm_texts.reason_text(reason, language.locale)})"
    return EventView(
        at=formats.instant(event.at_us),
        at_iso=formats.iso(event.at_us),
        what=what,
        actor="" if event.actor == audit.SYSTEM else event.actor,
        note=str(event.params.get("note") or ""),
        figures=(
            *alarm_texts.figures(rule, event.params, language.locale),
            *_delivery(event.params, language),
        ),
    )


def first_upper(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def _delivery(params: Mapping[str, Any], language: Language) -> Pairs:
    """Return what an event of a delivery says; addresses stay with the outbox."""
    channel = params.get("channel")
    pairs = [
        (language.gettext("Contact"), params.get("contact") or params.get("name")),
        (language.gettext("Way"), language.code(f"channel.{channel}") if channel else None),
        (language.gettext("Attempts"), params.get("attempts")),
    ]
    return tuple((label, str(value)) for label, value in pairs if value)


def _place(subject: str, facility_code: str, registry: Registry, language: Language) -> tuple[str, str, str]:
    facility = registry.facility(facility_code)
    where = facility_name(facility, language) if facility else facility_code
    try:
        kind, code = split(subject)
    except OxyWatchError:
        return subject, where, ""
    tank = registry.tank(code) if kind == "tank" else None
    return (tank_name(tank, language), where, f"/tanks/{code}") if tank else (subject, where, "")
