"""Conditions that keep of a query's rows those that a visitor may see; the one place where rights meet SQL.

Every list, detail, count, search, export and stream takes its condition from here. Nothing is visible that
no grant names. For who may see everything the condition is true, so that rows of what is no longer
registered stay visible to them, and to nobody else.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Text, and_, cast, false, literal, or_, select, true

from records.alarms.models import alarm
from records.messages.models import contact, outbox
from records.permission.visible import Visible

Condition = ColumnElement[bool]


def facility_filter(visible: Visible, action: str, facility: ColumnElement[str]) -> Condition:
    """Return the condition for rows that belong to a facility as a whole."""
    if visible.everywhere(action):
        return true()
    return _among(facility, visible.facilities(action))


def subject_filter(
    visible: Visible, action: str, subject: ColumnElement[str], facility: ColumnElement[str]
) -> Condition:
    """Return the condition for rows of tanks, gateways and other subjects of a facility."""
    if visible.everywhere(action):
        return true()
    return or_(_among(facility, visible.facilities(action)), _among(subject, visible.parts(action)))


def gateway_filter(visible: Visible, action: str, gateway: ColumnElement[str]) -> Condition:
    """Return the condition for rows that name a gateway by its code."""
    if visible.everywhere(action):
        return true()
    targets = visible.where.gateways.items()
    return _among(gateway, frozenset(code for code, target in targets if visible.may(action, target)))


def alarm_filter(visible: Visible, action: str = "alarms:read") -> Condition:
    """Return the condition for rows of `alarm`."""
    return subject_filter(visible, action, alarm.c.subject, alarm.c.facility)


def contact_filter(visible: Visible, action: str = "contacts:read") -> Condition:
    """Return the condition for rows of `contact`; one for all facilities is for who holds all of them."""
    return facility_filter(visible, action, contact.c.facility)


def outbox_filter(visible: Visible, action: str = "messages:read") -> Condition:
    """Return the condition for rows of `outbox`: of visible alarms, or to visible contacts."""
    if visible.everywhere(action):
        return true()
    of_alarms = select(alarm.c.id).where(alarm_filter(visible, action))
    of_contacts = select(contact.c.id).where(contact_filter(visible, action))
    to_own = and_(outbox.c.alarm_id.is_(None), outbox.c.contact_id.in_(of_contacts))
    return or_(outbox.c.alarm_id.in_(of_alarms), to_own)


def audit_filter(visible: Visible, subject: ColumnElement[str], action: str = "audit:read") -> Condition:
    """Return the condition for audit rows, by what they tell of; what is no facility's takes a whole view."""
    if visible.everywhere(action):
        return true()
    whole = visible.facilities(action)
    known = visible.where.registry
    named = {f"facility:{code}" for code in whole}
    for kind, entries in (
        ("tank", known.tanks),
        ("gateway", known.gateways),
        ("bank", known.banks),
        ("supply_system", known.systems),
    ):
        named |= {f"{kind}:{entry.code}" for entry in entries if entry.facility in whole}
    named |= visible.parts(action)
    of_alarms = select(literal("alarm:").concat(cast(alarm.c.id, Text))).where(
        facility_filter(visible, action, alarm.c.facility)
    )
    of_contacts = select(literal("contact:").concat(cast(contact.c.id, Text))).where(
        facility_filter(visible, action, contact.c.facility)
    )
    reports = [subject.startswith(f"report:{code}/", autoescape=True) for code in sorted(whole)]
    return or_(_among(subject, frozenset(named)), subject.in_(of_alarms), subject.in_(of_contacts), *reports)


def _among(column: ColumnElement[str], codes: frozenset[str]) -> Condition:
    return column.in_(sorted(codes)) if codes else false()
