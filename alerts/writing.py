"""Writing what the evaluation found: alarms, their history, and the messages about them."""

from __future__ import annotations

from typing import Any

from alerts.announcing import RAISED, WORSENED, announce_cleared, announce_worse
from alerts.evaluation import Finding
from oxygen.rules.alarm_state import Change, Crossing, Transition
from oxygen.rules.conditions import Condition
from records import alarms
from records.alarms import Alarm
from records.database import Transaction


async def write_finding(tx: Transaction, finding: Finding, now_us: int) -> None:
    """Write one finding; the caller's transaction also holds the memory that it follows from."""
    for crossing in finding.crossings:
        await _log_late(tx, finding, crossing, now_us)
    if finding.figures is not None:
        await _keep_figures(tx, finding, finding.figures)
    if finding.transition is not None:
        await _follow(tx, finding, finding.transition, now_us)


async def _follow(tx: Transaction, finding: Finding, transition: Transition, now_us: int) -> None:
    present = await _open(tx, finding)
    if transition.change is Change.CLEARED:
        if present is not None:
            await _clear(tx, present, finding, transition, now_us)
        return
    if transition.change is Change.IMPROVED:
        if present is not None:
            await _update(tx, present, transition, "improved")
        return
    if present is None:
        alarm, template = await _raise(tx, finding, transition), RAISED
    else:
        alarm, template = await _update(tx, present, transition, "worsened"), WORSENED
    await announce_worse(tx, alarm, finding.watched, template=template, at_us=transition.at_us, now_us=now_us)


async def _raise(tx: Transaction, finding: Finding, transition: Transition) -> Alarm:
    return await alarms.open_alarm(
        tx,
        subject=finding.watched.subject,
        facility=finding.watched.facility,
        rule=finding.rule.value,
        rule_version=finding.watched.limits.version(finding.rule),
        severity=transition.severity.value,
        at_us=transition.at_us,
        params=_params(transition),
    )


async def _update(tx: Transaction, alarm: Alarm, transition: Transition, kind: Any) -> Alarm:
    return await alarms.update_alarm(
        tx,
        alarm.id,
        at_us=transition.at_us,
        severity=transition.severity.value,
        params=_params(transition),
        kind=kind,
    )


async def _clear(
    tx: Transaction, alarm: Alarm, finding: Finding, transition: Transition, now_us: int
) -> None:
    cleared = await alarms.clear_alarm(tx, alarm.id, at_us=transition.at_us, params=_params(transition))
    await announce_cleared(tx, cleared, finding.watched, at_us=transition.at_us, now_us=now_us)


async def _keep_figures(tx: Transaction, finding: Finding, condition: Condition) -> None:
    """Let an open alarm show what is known now, without an event."""
    alarm = await _open(tx, finding)
    if alarm is not None:
        params = {**alarm.params, "reason": condition.reason, **condition.params}
        await alarms.update_alarm(tx, alarm.id, at_us=finding.at_us, severity=alarm.severity, params=params)


async def _log_late(tx: Transaction, finding: Finding, crossing: Crossing, now_us: int) -> None:
    await alarms.log_late_alarm(
        tx,
        subject=finding.watched.subject,
        facility=finding.watched.facility,
        rule=finding.rule.value,
        rule_version=finding.watched.limits.version(finding.rule),
        severity=crossing.severity.value,
        raised_us=crossing.since_us,
        cleared_us=crossing.until_us,
        params={"reason": crossing.reason, **crossing.params},
        at_us=now_us,
    )


async def _open(tx: Transaction, finding: Finding) -> Alarm | None:
    """Return the open alarm of the finding's subject and rule, or None."""
    listed = await alarms.alarms(tx, state="open", subject=finding.watched.subject, late=False)
    return next((alarm for alarm in listed if alarm.rule == finding.rule), None)


def _params(transition: Transition) -> dict[str, Any]:
    return {"reason": transition.reason, "since_us": transition.since_us, **transition.params}
