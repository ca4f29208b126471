"""Reading the records as one visitor: the same questions as the services', answered within the scope.

What lies outside comes back as if it did not exist, and fields that may not be seen come back empty. Pages,
JSON, streams and exports read through this alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from policy.daily_figures import ReportVersion, TankDay
from policy.permission import Target
from records import alarms, messages, registry, reports, status
from records.alarms import Alarm, AlarmEvent
from records.database import Transaction
from records.messages import Contact, OutboxRow, ReceivedMail
from records.permission.filters import (
    alarm_filter,
    contact_filter,
    facility_filter,
    outbox_filter,
    subject_filter,
)
from records.permission.visible import Visible
from records.registry import Facility, Registry, RuleSetting, Tank
from records.reports.models import report_version
from records.status import StatusRow
from records.status.models import status_latest, tank_day


class View:
    """One transaction's records, as a visitor sees them."""

    def __init__(self, tx: Transaction, visible: Visible) -> None:
        self._tx = tx
        self._visible = visible

    @property
    def registry(self) -> Registry:
        """What is registered and visible."""
        return self._visible.registry

    def facility(self, code: str, action: str = "facilities:read") -> Facility | None:
        """Return a facility on which an action is allowed, or None."""
        known = self._visible.where.registry.facility(code)
        if known is None or not self._visible.on_facility(action, code):
            return None
        return self._visible.facility(known, action)

    def reported_tanks(self, facility: str) -> tuple[Tank, ...]:
        """Return the tanks of a facility whose reports are visible; a report is of all of them or of none."""
        if not self._visible.on_facility("reports:read", facility):
            return ()
        return tuple(tank for tank in self._visible.where.registry.tanks if tank.facility == facility)

    def reporting_facilities(self) -> tuple[Facility, ...]:
        """Return the facilities whose reports are visible, by code."""
        codes = self._visible.facilities("reports:read")
        known = self._visible.where.registry.facilities
        return tuple(self._visible.facility(each, "reports:read") for each in known if each.code in codes)

    def tank(self, code: str) -> Tank | None:
        """Return a visible tank, or None."""
        return self.registry.tank(code)

    async def statuses(self) -> list[StatusRow]:
        """Return the newest row of every visible subject."""
        columns = status_latest.c
        condition = subject_filter(self._visible, "tanks:read", columns.subject, columns.facility)
        return await status.latest_statuses(self._tx, within=condition)

    async def status(self, subject: str) -> StatusRow | None:
        """Return the newest row of a subject, or None."""
        row = await status.latest_status(self._tx, subject)
        seen = row and self._visible.on_subject("tanks:read", subject, row.status.facility)
        return row if seen else None

    async def rule_settings(self) -> list[RuleSetting]:
        """Return the limits that are set; what a tank's page shows of them is what counts for the tank."""
        return await registry.rule_settings(self._tx)

    async def tank_days(
        self,
        *,
        subjects: Sequence[str] | None = None,
        facility: str | None = None,
        since: str,
        until: str,
        action: str = "tanks:read",
    ) -> list[TankDay]:
        """Return daily rows; with the action `reports:read` those of reportable facilities."""
        condition = subject_filter(self._visible, action, tank_day.c.subject, tank_day.c.facility)
        return await status.tank_days(
            self._tx, subjects=subjects, facility=facility, since=since, until=until, within=condition
        )

    async def alarms(
        self,
        *,
        state: str | None = None,
        facility: str | None = None,
        subject: str | None = None,
        since_us: int | None = None,
        limit: int = 200,
    ) -> list[Alarm]:
        """Return visible alarms, newest first."""
        found = await alarms.alarms(
            self._tx,
            state=state,
            facility=facility,
            subject=subject,
            since_us=since_us,
            limit=limit,
            within=alarm_filter(self._visible),
        )
        return [self._alarm(one) for one in found]

    async def alarm(self, alarm_id: int, action: str = "alarms:read") -> Alarm | None:
        """Return an alarm on which an action is allowed, or None."""
        found = await alarms.alarm(self._tx, alarm_id)
        if found is None or not self._visible.on_subject(action, found.subject, found.facility):
            return None
        return self._alarm(found)

    async def alarm_events(self, alarm: Alarm) -> list[AlarmEvent]:
        """Return everything that happened to a visible alarm, in order."""
        target = self._target(alarm)
        found = await alarms.alarm_events(self._tx, alarm.id)
        return [self._visible.redacted("alarm_event", one, "alarms:read", target) for one in found]

    async def deliveries(self, alarm: Alarm) -> list[OutboxRow]:
        """Return the messages of a visible alarm; to whom they went only for who may see that."""
        target = self._target(alarm)
        found = await messages.outbox(self._tx, alarm_id=alarm.id)
        return [self._visible.redacted("outbox", one, "alarms:read", target) for one in found]

    async def reports(self, since: str, until: str) -> list[ReportVersion]:
        """Return the newest version of each visible report."""
        condition = facility_filter(self._visible, "reports:read", report_version.c.facility)
        found = await reports.reports(self._tx, since, until, within=condition)
        return [self._version(one) for one in found]

    async def report_versions(self, facility: str, local_date: str) -> list[ReportVersion]:
        """Return every version of a visible facility's report, newest first."""
        if not self._visible.on_facility("reports:read", facility):
            return []
        return [self._version(one) for one in await reports.report_versions(self._tx, facility, local_date)]

    async def contacts(self) -> list[Contact]:
        """Return visible contacts; their signing keys are shown to nobody."""
        found = await messages.contacts(self._tx, within=contact_filter(self._visible))
        where = self._visible.where
        return [
            self._visible.redacted("contact", one, "contacts:read", where.facility(one.facility))
            for one in found
        ]

    async def contact(self, contact_id: int, action: str) -> Contact | None:
        """Return a contact on which an action is allowed, or None; whole: to be changed, not to be shown."""
        found = await messages.contacts(self._tx, within=contact_filter(self._visible, action))
        return next((one for one in found if one.id == contact_id), None)

    async def outbox(self, *, limit: int = 100) -> list[OutboxRow]:
        """Return visible messages, newest first."""
        found = await messages.outbox(self._tx, limit=limit, within=outbox_filter(self._visible))
        return [await self._message(one) for one in found]

    async def received_mails(self, *, limit: int = 100) -> list[ReceivedMail]:
        """Return mails of the loopback sink, which holds everybody's, to who may see everybody's."""
        if not self._visible.everywhere("messages:read"):
            return []
        return await messages.received_mails(self._tx, limit=limit)

    async def received_mail(self, mail_id: int) -> ReceivedMail | None:
        """Return one such mail, or None."""
        if not self._visible.everywhere("messages:read"):
            return None
        return await messages.received_mail_by_id(self._tx, mail_id)

    def _alarm(self, alarm: Alarm) -> Alarm:
        return self._visible.redacted("alarm", alarm, "alarms:read", self._target(alarm))

    def _target(self, alarm: Alarm) -> Target:
        return self._visible.where.subject(alarm.subject, alarm.facility)

    def _version(self, version: ReportVersion) -> ReportVersion:
        target = self._visible.where.facility(version.facility)
        return self._visible.redacted("report_version", version, "reports:read", target)

    async def _message(self, row: OutboxRow) -> OutboxRow:
        alarm = None if row.alarm_id is None else await alarms.alarm(self._tx, row.alarm_id)
        target = self._target(alarm) if alarm else Target()
        return self._visible.redacted("outbox", row, "messages:read", target)
