"""Raising, changing, clearing and acknowledging alarms. Every step adds to the alarm's history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, or_, select, update

from records import audit
from records.alarms.models import alarm as alarm_table
from records.alarms.models import alarm_event
from records.alarms.structs import Alarm, AlarmEvent
from records.database import Transaction
from records.refusals import changed_meanwhile, not_found


async def open_alarm(
    tx: Transaction,
    *,
    subject: str,
    facility: str,
    rule: str,
    rule_version: int,
    severity: str,
    at_us: int,
    params: Mapping[str, Any],
) -> Alarm:
    """Raise an alarm and return it; one of this subject and rule that is open comes back unchanged."""
    values = {
        **_new(subject, facility, rule, rule_version, severity, params),
        "state": "open",
        "late": False,
        "raised_us": at_us,
    }
    row = await tx.row(tx.insert(alarm_table).values(values).on_conflict_do_nothing().returning(alarm_table))
    if row is None:
        return await _open_one(tx, subject, rule)
    raised = Alarm(**row)
    await add_event(tx, raised.id, "raised", at_us=at_us, params={"severity": severity, **params})
    return raised


async def update_alarm(
    tx: Transaction,
    alarm_id: int,
    *,
    at_us: int,
    severity: str,
    params: Mapping[str, Any],
    kind: Literal["worsened", "improved", "note"] | None = None,
) -> Alarm:
    """Give an open alarm its present severity and figures, with an event of `kind` if given.

    Raises Rejected `changed_meanwhile` when the alarm is not open.
    """
    step = case((alarm_table.c.severity != severity, alarm_table.c.version + 1), else_=alarm_table.c.version)
    changed = await _change(
        tx, alarm_id, alarm_table.c.state == "open", severity=severity, params=dict(params), version=step
    )
    if kind is not None:
        await add_event(tx, alarm_id, kind, at_us=at_us, params={"severity": severity, **params})
    return changed


async def clear_alarm(tx: Transaction, alarm_id: int, *, at_us: int, params: Mapping[str, Any]) -> Alarm:
    """Clear an open alarm and return it. Raises Rejected `changed_meanwhile` when it is not open."""
    cleared = await _change(
        tx,
        alarm_id,
        alarm_table.c.state == "open",
        state="cleared",
        cleared_us=at_us,
        params=dict(params),
        version=alarm_table.c.version + 1,
    )
    await add_event(tx, alarm_id, "cleared", at_us=at_us, params=params)
    return cleared


async def log_late_alarm(
    tx: Transaction,
    *,
    subject: str,
    facility: str,
    rule: str,
    rule_version: int,
    severity: str,
    raised_us: int,
    cleared_us: int | None,
    params: Mapping[str, Any],
    at_us: int,
) -> Alarm:
    """List a crossing that late history shows, and return it; the same crossing again is kept once.

    It is never open and touches no open alarm. A repeat that knows when it ended adds the end.
    """
    values = {
        **_new(subject, facility, rule, rule_version, severity, params),
        "state": "cleared",
        "late": True,
        "raised_us": raised_us,
        "cleared_us": cleared_us,
    }
    row = await tx.row(tx.insert(alarm_table).values(values).on_conflict_do_nothing().returning(alarm_table))
    if row is None:
        return await _end_late(tx, subject, rule, raised_us, cleared_us)
    await add_event(tx, row["id"], "late", at_us=at_us, params={"severity": severity, **params})
    return Alarm(**row)


async def acknowledge(
    tx: Transaction,
    alarm_id: int,
    *,
    actor: str,
    now_us: int,
    note: str = "",
    expected_version: int | None = None,
) -> Alarm:
    """Note that a person has taken an alarm on, and return it; a second time changes nothing.

    Raises Rejected: `not_found`, or `changed_meanwhile` when the alarm is not at `expected_version` (it may
    have worsened since the person saw it).
    """
    present = await alarm(tx, alarm_id)
    if present is None:
        raise not_found("alarm", alarm_id)
    if present.acknowledged:
        return present
    condition = ~alarm_table.c.acknowledged & (
        alarm_table.c.version == (present.version if expected_version is None else expected_version)
    )
    taken = await _change(
        tx,
        alarm_id,
        condition,
        acknowledged=True,
        acknowledged_us=now_us,
        acknowledged_by=actor,
        version=alarm_table.c.version + 1,
    )
    await add_event(tx, alarm_id, "acknowledged", at_us=now_us, actor=actor, params={"note": note})
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action="alarm.acknowledge",
        subject=f"alarm:{alarm_id}",
        detail={"note": note},
    )
    return taken


async def add_event(
    tx: Transaction,
    alarm_id: int,
    kind: str,
    *,
    at_us: int,
    params: Mapping[str, Any],
    actor: str = audit.SYSTEM,
) -> None:
    """Add to an alarm's history; also for `note`, `delivered` and `undeliverable`."""
    values = {"alarm_id": alarm_id, "at_us": at_us, "kind": kind, "actor": actor, "params": dict(params)}
    await tx.execute(alarm_event.insert().values(values))


async def alarm(tx: Transaction, alarm_id: int) -> Alarm | None:
    """Return an alarm, or None."""
    row = await tx.row(select(alarm_table).where(alarm_table.c.id == alarm_id))
    return None if row is None else Alarm(**row)


async def alarms(
    tx: Transaction,
    *,
    state: str | None = None,
    facility: str | None = None,
    subject: str | None = None,
    late: bool | None = None,
    since_us: int | None = None,
    within: ColumnElement[bool] | None = None,
    limit: int = 200,
) -> list[Alarm]:
    """Return alarms, newest first. `since_us` keeps those that are open, or were raised or cleared since.

    `within` is a condition of `records.permission`.
    """
    query = select(alarm_table).order_by(alarm_table.c.raised_us.desc(), alarm_table.c.id.desc()).limit(limit)
    wanted = {"state": state, "facility": facility, "subject": subject, "late": late}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(alarm_table.c[name] == value)
    if within is not None:
        query = query.where(within)
    if since_us is not None:
        recent = (alarm_table.c.raised_us >= since_us) | (alarm_table.c.cleared_us >= since_us)
        query = query.where(or_(alarm_table.c.state == "open", recent))
    return [Alarm(**row) for row in await tx.rows(query)]


async def alarm_events(tx: Transaction, alarm_id: int) -> list[AlarmEvent]:
    """Return everything that happened to an alarm, in order."""
    query = select(alarm_event).where(alarm_event.c.alarm_id == alarm_id).order_by(alarm_event.c.id)
    return [AlarmEvent(**row) for row in await tx.rows(query)]


def _new(
    subject: str, facility: str, rule: str, rule_version: int, severity: str, params: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "subject": subject,
        "facility": facility,
        "rule": rule,
        "rule_version": rule_version,
        "severity": severity,
        "acknowledged": False,
        "params": dict(params),
        "version": 1,
    }


async def _change(tx: Transaction, alarm_id: int, condition: ColumnElement[bool], **values: Any) -> Alarm:
    statement = update(alarm_table).where(alarm_table.c.id == alarm_id, condition).values(values)
    row = await tx.row(statement.returning(alarm_table))
    if row is None:
        raise changed_meanwhile("alarm", alarm_id)
    return Alarm(**row)


async def _open_one(tx: Transaction, subject: str, rule: str) -> Alarm:
    same = (alarm_table.c.subject == subject) & (alarm_table.c.rule == rule)
    open_now = (alarm_table.c.state == "open") & ~alarm_table.c.late
    row = await tx.row(select(alarm_table).where(same, open_now))
    if row is None:
        raise changed_meanwhile("alarm", subject)
    return Alarm(**row)


async def _end_late(
    tx: Transaction, subject: str, rule: str, raised_us: int, cleared_us: int | None
) -> Alarm:
    """Return the late entry that is there already, its end added if it had none."""
    same = (alarm_table.c.subject == subject) & (alarm_table.c.rule == rule) & alarm_table.c.late
    row = await tx.row(select(alarm_table).where(same, alarm_table.c.raised_us == raised_us))
    if row is None:
        raise changed_meanwhile("alarm", subject)
    if cleared_us is None or row["cleared_us"] is not None:
        return Alarm(**row)
    return await _change(tx, row["id"], alarm_table.c.late, cleared_us=cleared_us)
