"""One tank: figures, thirty days of history, forecast, alarms, vessel and limits."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import needs
from api.context import context_of
from api.errors import ApiError
from api.language import Language
from api.physics import physical_tank
from api.render import language_of, live_data, page
from api.scoped import reading
from api.views.alarm_texts import alarm_view
from api.views.overview import tank_row
from api.views.tank_facts import limit_facts, tank_limits, vessel_facts
from oxygen.local_time import local_day
from oxygen.units import US_PER_DAY
from oxygen.wire.payloads import Status
from records.registry import Tank

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("tanks:read"))])

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
    async with reading(request) as view:
        known = view.registry
        entry = known.tank(code)
        facility = known.facility(entry.facility) if entry else None
        if entry is None or facility is None:
            raise ApiError(404, "tank_not_found", tank=code)
        newest = await view.status(entry.subject)
        recent = await view.alarms(subject=entry.subject, limit=ALARMS_SHOWN)
        since = (today - timedelta(days=HISTORY_DAYS)).isoformat()
        days = await view.tank_days(subjects=[entry.subject], since=since, until=today.isoformat())
        settings = await view.rule_settings()
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
        chart=json.dumps(_chart(entry, latest, now_us, words), ensure_ascii=False),
    )


def _chart(entry: Tank, latest: Status | None, now_us: int, words: Language) -> dict[str, Any]:
    """Return what the chart's script needs beside the series it fetches."""
    physical = physical_tank(entry)
    forecast = None
    if latest is not None and latest.empty_at_p10_us is not None and latest.as_of_us is not None:
        forecast = {
            "from_us": latest.as_of_us,
            "fill_percent": latest.fill_percent,
            "mass_kg": latest.mass_kg,
            "p10_us": latest.empty_at_p10_us,
            "p50_us": latest.empty_at_p50_us,
            "p90_us": latest.empty_at_p90_us,
        }
    return {
        "series": f"/api/v1/tanks/{entry.code}/series",
        "refills": f"/api/v1/tanks/{entry.code}/refills",
        "locale": words.locale,
        "now_us": now_us,
        "history_us": HISTORY_DAYS * US_PER_DAY,
        "heel_kg": physical.heel_kg if physical else 0,
        "capacity_kg": physical.capacity_kg if physical else None,
        "forecast": forecast,
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
