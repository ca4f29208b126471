"""One tank: figures, thirty days of history, forecast, alarms, vessel and limits."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import page_visitor
from api.context import context_of
from api.errors import ApiError
from api.language import Language
from api.physics import physical_tank
from api.render import language_of, live_data, page
from api.views.alarm_texts import alarm_view
from api.views.overview import tank_row
from api.views.tank_facts import limit_facts, tank_limits, vessel_facts
from oxygen.local_time import local_day
from records import alarms, registry, status
from records.registry import Tank

router = APIRouter(include_in_schema=False, dependencies=[Depends(page_visitor)])

HISTORY_DAYS = 30
ALARMS_SHOWN = 8


@router.get("/tanks/{code}")
async def tank(request: Request, code: str) -> Response:
    """Show one tank; 404 when there is none of that code."""
    context = context_of(request)
    words = await language_of(request)
    now_us = context.clock()
    live = live_data(request, words, now_us)
    today = local_day(now_us)
    async with context.database.read() as tx:
        known = await registry.registry(tx)
        entry = known.tank(code)
        facility = known.facility(entry.facility) if entry else None
        if entry is None or facility is None:
            raise ApiError(404, "tank_not_found", tank=code)
        newest = await status.latest_status(tx, entry.subject)
        recent = await alarms.alarms(tx, subject=entry.subject, limit=ALARMS_SHOWN)
        since = (today - timedelta(days=HISTORY_DAYS)).isoformat()
        days = await status.tank_days(tx, subjects=[entry.subject], since=since, until=today.isoformat())
        settings = await registry.rule_settings(tx)
    latest = newest.status if newest else None
    limits = tank_limits(settings, entry, facility)
    return await page(
        request,
        "tank.html",
        row=tank_row(entry, facility, latest, now_us, context.settings.overdue_s, words),
        live=live,
        alarms=[alarm_view(alarm, known, now_us, words) for alarm in recent],
        days=sorted(days, key=lambda day: day.local_date, reverse=True),
        vessel=vessel_facts(entry, words),
        limits=limit_facts(limits, entry, words),
        problems=limits.problems,
        bar_limits=(limits.stock.reorder_percent, limits.stock.urgent_percent, limits.stock.critical_percent),
        chart=json.dumps(_chart(entry, now_us, words), ensure_ascii=False),
    )


def _chart(entry: Tank, now_us: int, words: Language) -> dict[str, Any]:
    """Return what the chart's script needs beside the series it fetches."""
    physical = physical_tank(entry)
    return {
        "tank": f"/api/v1/tanks/{entry.code}",
        "series": f"/api/v1/tanks/{entry.code}/series",
        "refills": f"/api/v1/tanks/{entry.code}/refills",
        "locale": words.locale,
        "now_us": now_us,
        "heel_kg": physical.heel_kg if physical else 0,
        "capacity_kg": physical.capacity_kg if physical else None,
        "texts": {
            "mean": words.gettext("Mean"),
            "range": words.gettext("Least to most"),
            "earliest": words.gettext("Empty at the earliest"),
            "latest": words.gettext("Empty at the latest"),
            "refill": words.gettext("Refill"),
            "now": words.gettext("now"),
            "time": words.gettext("Time"),
            "none": words.gettext("No readings in this time."),
            "failed": words.gettext("The chart could not be loaded."),
        },
    }
