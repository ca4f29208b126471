"""All tanks, the most urgent first."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.access import page_visitor
from api.context import context_of
from api.render import language_of, live_data, page
from api.views.overview import summary, tank_rows
from records import registry, status

router = APIRouter(include_in_schema=False, dependencies=[Depends(page_visitor)])


@router.get("/")
async def overview(request: Request) -> Response:
    """Show every tank; the page then follows the live stream."""
    context = context_of(request)
    words = await language_of(request)
    now_us = context.clock()
    live = live_data(request, words, now_us)
    async with context.database.read() as tx:
        known = await registry.registry(tx)
        newest = {row.status.subject: row.status for row in await status.latest_statuses(tx)}
    rows = tank_rows(known, newest, now_us, context.settings.overdue_s, words)
    totals = summary(rows, words)
    return await page(
        request,
        "overview.html",
        rows=rows,
        live=live,
        attention=sum(row.needs_attention for row in rows),
        attention_text=totals["attention"],
        total_text=totals["total"],
    )
