"""Who is told of an alarm's change: outbox rows, written in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from alerts.watched import Names, Watched
from oxygen.rules.severity import rank, reaches
from records import messages
from records.alarms import Alarm
from records.database import Transaction
from records.messages import Contact, OutboxItem

RAISED = "alarm_raised"
WORSENED = "alarm_worsened"
CLEARED = "alarm_cleared"
TEST = "alarm_test"
PRIORITY_PER_RANK = 10
TEST_PRIORITY = 15
_MANY = 10_000


async def announce_worse(
    tx: Transaction, alarm: Alarm, watched: Watched, *, template: str, at_us: int, now_us: int
) -> None:
    """Queue a raised or worsened alarm for everybody who wants to hear of its severity."""
    told = [
        contact
        for contact in await messages.contacts(tx, active_only=True)
        if contact.facility in (None, alarm.facility) and reaches(alarm.severity, contact.minimum_severity)
    ]
    params = message_params(alarm, watched.names, at_us)
    await messages.enqueue(tx, _items(told, alarm, template, params, at_us, now_us, rank(alarm.severity)))


async def announce_cleared(
    tx: Transaction, alarm: Alarm, watched: Watched, *, at_us: int, now_us: int
) -> None:
    """Queue the end of an alarm for everybody to whom its beginning was sent, or is still to be sent."""
    rows = await messages.outbox(tx, alarm_id=alarm.id, limit=_MANY)
    heard = {row.contact_id for row in rows if row.template in (RAISED, WORSENED)}
    told = [contact for contact in await messages.contacts(tx, active_only=True) if contact.id in heard]
    params = message_params(alarm, watched.names, at_us)
    await messages.enqueue(tx, _items(told, alarm, CLEARED, params, at_us, now_us, 0))


def message_params(alarm: Alarm, names: Names, at_us: int) -> dict[str, Any]:
    """Return what a message about an alarm carries; its text is made from this when it is sent."""
    return {
        "alarm_id": alarm.id,
        "subject": alarm.subject,
        "facility": alarm.facility,
        "names": {
            "vi": {"tank": names.tank_vi, "facility": names.facility_vi},
            "en": {"tank": names.tank_en, "facility": names.facility_en},
        },
        "simulated": names.simulated,
        "rule": alarm.rule,
        "rule_version": alarm.rule_version,
        "severity": alarm.severity,
        "raised_us": alarm.raised_us,
        "cleared_us": alarm.cleared_us,
        "at_us": at_us,
        "figures": alarm.params,
    }


def _items(
    contacts: Iterable[Contact],
    alarm: Alarm,
    template: str,
    params: dict[str, Any],
    at_us: int,
    now_us: int,
    weight: int,
) -> Sequence[OutboxItem]:
    return [
        OutboxItem(
            key=f"alarm-{alarm.id}-{template}-{at_us}-contact-{contact.id}",
            channel=contact.channel,
            address=contact.address,
            locale=contact.locale,
            template=template,
            params={**params, "contact": contact.name},
            created_us=now_us,
            contact_id=contact.id,
            secret=contact.secret,
            alarm_id=alarm.id,
            priority=weight * PRIORITY_PER_RANK,
        )
        for contact in contacts
    ]
