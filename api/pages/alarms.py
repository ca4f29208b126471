"""Alarms: what is open, what was, everything that happened to one, and acknowledging it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api.access import PageAdministrator, page_visitor
from api.context import context_of
from api.errors import ApiError
from api.render import language_of, live_data, page
from api.views.alarm_texts import alarm_view, event_view
from api.views.message_texts import outbox_view
from api.visitor import field_text, signed_form
from api.whole_numbers import whole_number
from oxygen.rules.severity import rank
from oxygen.units import US_PER_DAY
from records import alarms, messages, registry

router = APIRouter(include_in_schema=False, dependencies=[Depends(page_visitor)])

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
    async with context.database.read() as tx:
        known = await registry.registry(tx)
        if past:
            since_us = now_us - PAST_DAYS * US_PER_DAY
            found = await alarms.alarms(tx, state="cleared", since_us=since_us, limit=500)
        else:
            found = await alarms.alarms(tx, state="open", limit=500)
            found.sort(key=lambda alarm: (alarm.acknowledged, -rank(alarm.severity), -alarm.raised_us))
    views = [alarm_view(alarm, known, now_us, words) for alarm in found]
    return await page(request, "alarms.html", alarms=views, past=past, live=live, days=PAST_DAYS)


@router.get("/alarms/{alarm_id}")
async def alarm(request: Request, alarm_id: int) -> Response:
    """Show everything that happened to an alarm; 404 when there is none of that id."""
    context = context_of(request)
    words = await language_of(request)
    async with context.database.read() as tx:
        found = await alarms.alarm(tx, alarm_id)
        if found is None:
            raise ApiError(404, "alarm_not_found", alarm=alarm_id)
        known = await registry.registry(tx)
        events = await alarms.alarm_events(tx, alarm_id)
        sent = await messages.outbox(tx, alarm_id=alarm_id)
    return await page(
        request,
        "alarm.html",
        alarm=alarm_view(found, known, context.clock(), words),
        events=[event_view(event, found.rule, words) for event in events],
        deliveries=[outbox_view(row, words) for row in sent],
    )


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(request: Request, alarm_id: int, visitor: PageAdministrator) -> Response:
    """Note that the visitor has taken an alarm on; a second time changes nothing."""
    form = await signed_form(request)
    context = context_of(request)
    version = field_text(form, "version")
    async with context.database.write() as tx:
        await alarms.acknowledge(
            tx,
            alarm_id,
            actor=visitor.username,
            now_us=context.clock(),
            note=field_text(form, "note")[:NOTE_LIMIT],
            expected_version=whole_number(version),
        )
    back = "/alarms" if field_text(form, "back") == "list" else f"/alarms/{alarm_id}"
    return RedirectResponse(f"{back}?done=acknowledged", status_code=303)
