"""Alarms: what is open, what was, everything that happened to one, and acknowledging it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api.access import needs
from api.context import context_of
from api.errors import ApiError
from api.render import language_of, live_data, page
from api.scoped import reading, refuse_unless, visible_in, visitor_in, writing
from api.views.alarm_texts import alarm_view, event_view
from api.views.message_texts import outbox_view
from api.visitor import field_text, signed_form
from oxygen.rules.severity import rank
from oxygen.units import US_PER_DAY
from records import alarms
from records.alarms import Alarm

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("alarms:read"))])

PAST_DAYS = 90
NOTE_LIMIT = 1000


@router.get("/alarms")
async def alarm_list(request: Request) -> Response:
    """Show open alarms, the gravest that nobody has acknowledged first; `?past=1` shows those that ended."""
    context = context_of(request)
    words = await language_of(request)
    past = request.query_params.get("past") == "1"
    now_us = context.clock()
    live = live_data(request, words, now_us)
    async with reading(request) as view:
        known = view.registry
        if past:
            since_us = now_us - PAST_DAYS * US_PER_DAY
            found = await view.alarms(state="cleared", since_us=since_us, limit=500)
        else:
            found = await view.alarms(state="open", limit=500)
            found.sort(key=lambda alarm: (alarm.acknowledged, -rank(alarm.severity), -alarm.raised_us))
    views = [alarm_view(alarm, known, now_us, words) for alarm in found]
    own = {alarm.id for alarm in found if _may_acknowledge(request, alarm)}
    return await page(request, "alarms.html", alarms=views, own=own, past=past, live=live, days=PAST_DAYS)


@router.get("/alarms/{alarm_id}")
async def alarm(request: Request, alarm_id: int) -> Response:
    """Show everything that happened to an alarm; 404 when none of that id is in the visitor's scope."""
    context = context_of(request)
    words = await language_of(request)
    async with reading(request) as view:
        found = await view.alarm(alarm_id)
        if found is None:
            raise ApiError(404, "alarm_not_found", alarm=alarm_id)
        known = view.registry
        events = await view.alarm_events(found)
        sent = await view.deliveries(found)
    return await page(
        request,
        "alarm.html",
        alarm=alarm_view(found, known, context.clock(), words),
        events=[event_view(event, found.rule, words) for event in events],
        deliveries=[outbox_view(row, words) for row in sent],
        may_acknowledge=_may_acknowledge(request, found),
    )


@router.post("/alarms/{alarm_id}/acknowledge", dependencies=[Depends(needs("alarms:acknowledge"))])
async def acknowledge(request: Request, alarm_id: int) -> Response:
    """Note that the visitor has taken an alarm on; a second time changes nothing."""
    form = await signed_form(request)
    context = context_of(request)
    version = field_text(form, "version")
    async with writing(request) as (tx, view):
        found = await view.alarm(alarm_id)
        if found is None:
            raise ApiError(404, "alarm_not_found", alarm=alarm_id)
        refuse_unless(_may_acknowledge(request, found))
        await alarms.acknowledge(
            tx,
            alarm_id,
            actor=visitor_in(request).username,
            now_us=context.clock(),
            note=field_text(form, "note")[:NOTE_LIMIT],
            expected_version=int(version) if version.isdigit() else None,
        )
    back = "/alarms" if field_text(form, "back") == "list" else f"/alarms/{alarm_id}"
    return RedirectResponse(f"{back}?done=acknowledged", status_code=303)


def _may_acknowledge(request: Request, alarm: Alarm) -> bool:
    return visible_in(request).on_subject("alarms:acknowledge", alarm.subject, alarm.facility)
