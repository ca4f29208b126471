"""All tanks, the most urgent first."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api.access import own
from api.context import context_of
from api.render import home_of, language_of, live_data, page
from api.scoped import reading, visitor_in
from api.views.overview import summary, tank_rows

router = APIRouter(include_in_schema=False, dependencies=[Depends(own)])


@router.get("/")
async def overview(request: Request) -> Response:
    """Show every visible tank; the page then follows the live stream.

    This is where a sign-in leads, so whoever may see no tanks is led on to what they may do.
    """
    visitor = visitor_in(request)
    if not visitor.may("tanks:read"):
        return RedirectResponse(home_of(visitor), status_code=303)
    context = context_of(request)
    words = await language_of(request)
    now_us = context.clock()
    live = live_data(request, words, now_us)
    async with reading(request) as view:
        known = view.registry
        newest = {row.status.subject: row.status for row in await view.statuses()}
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
