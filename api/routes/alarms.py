"""Alarms: list, history, acknowledge."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import needs
from api.context import context_of
from api.errors import JSON_ERRORS, ApiError
from api.scoped import reading, refuse_unless, visible_in, visitor_in, writing
from records import alarms as records

router = APIRouter(
    prefix="/alarms", tags=["alarms"], dependencies=[Depends(needs("alarms:read"))], responses=JSON_ERRORS
)


class AlarmOut(BaseModel):
    """An alarm as it stands.

    Attributes:
        rule: low_stock, stale_data or sensor_fault.
        severity: warning, reorder, urgent or critical.
        state: open or cleared; acknowledging does not clear.
        late: Found in history that arrived late; nobody was called.
        params: The latest figures.
        version: Send it back when acknowledging, so that an alarm that worsened meanwhile is looked at first.
    """

    id: int
    subject: str
    facility: str
    rule: str
    rule_version: int
    severity: str
    state: str
    acknowledged: bool
    late: bool
    raised_us: int
    acknowledged_us: int | None
    acknowledged_by: str | None
    cleared_us: int | None
    params: dict[str, Any]
    version: int


class AlarmEventOut(BaseModel):
    """One thing that happened to an alarm."""

    id: int
    at_us: int
    kind: str
    actor: str
    params: dict[str, Any]


class AlarmDetail(AlarmOut):
    """An alarm with everything that happened to it, in order."""

    events: list[AlarmEventOut]


class Acknowledgement(BaseModel):
    """What acknowledging takes: the version that was seen (optional) and a note."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1)
    note: str = Field(default="", max_length=1000)


@router.get("", summary="Alarms, newest first")
async def alarms(
    request: Request,
    state: Literal["open", "cleared"] | None = None,
    facility: str | None = None,
    since_us: int | None = None,
    limit: int = Query(default=200, ge=1, le=1000),
) -> list[AlarmOut]:
    """Return alarms; `since_us` keeps those that are open, or were raised or cleared since."""
    async with reading(request) as view:
        found = await view.alarms(state=state, facility=facility, since_us=since_us, limit=limit)
    return [_alarm_out(alarm) for alarm in found]


@router.get("/{alarm_id}", summary="One alarm with its history")
async def alarm(request: Request, alarm_id: int) -> AlarmDetail:
    """Return an alarm; 404 when there is none of that id, or when it is outside the caller's scope."""
    async with reading(request) as view:
        found = await view.alarm(alarm_id)
        if found is None:
            raise ApiError(404, "alarm_not_found", alarm=alarm_id)
        events = await view.alarm_events(found)
    listed = [
        AlarmEventOut(id=e.id, at_us=e.at_us, kind=e.kind, actor=e.actor, params=e.params) for e in events
    ]
    return AlarmDetail(**_alarm_out(found).model_dump(), events=listed)


@router.post(
    "/{alarm_id}/acknowledge",
    summary="Take an alarm on",
    dependencies=[Depends(needs("alarms:acknowledge"))],
)
async def acknowledge(request: Request, alarm_id: int, body: Acknowledgement) -> AlarmOut:
    """Note that the caller has taken an alarm on; repeating it changes nothing and answers the same.

    409 `changed_meanwhile` when the alarm is not at `version` any more and nobody has acknowledged it.
    """
    async with writing(request) as (tx, view):
        found = await view.alarm(alarm_id)
        if found is None:
            raise ApiError(404, "alarm_not_found", alarm=alarm_id)
        refuse_unless(visible_in(request).on_subject("alarms:acknowledge", found.subject, found.facility))
        taken = await records.acknowledge(
            tx,
            alarm_id,
            actor=visitor_in(request).username,
            now_us=context_of(request).clock(),
            note=body.note.strip(),
            expected_version=body.version,
        )
    return _alarm_out(taken)


def _alarm_out(alarm: records.Alarm) -> AlarmOut:
    return AlarmOut(**{name: getattr(alarm, name) for name in AlarmOut.model_fields})
