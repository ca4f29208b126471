"""Live figures: a stream of server-sent events, and the same by asking again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.access import json_viewer
from api.context import Context, context_of
from api.errors import JSON_ERRORS, ApiError
from api.language import Language
from api.live_hub import LiveHub
from api.render import language_of
from api.views.live_events import event, live_statuses, live_summary
from api.visitor import Visitor
from api.whole_numbers import whole_number
from oxygen.errors import OxyWatchError
from records import identity

RETRY_MS = 2000

stream_router = APIRouter(dependencies=[Depends(json_viewer)])
router = APIRouter(dependencies=[Depends(json_viewer)], responses=JSON_ERRORS)


@stream_router.get("/live", include_in_schema=False)
async def stream(request: Request) -> Response:
    """Send each tank's newest state as it changes, and a sign of life at least every `keepalive_s`."""
    visitor: Visitor = request.state.visitor
    words = await language_of(request)
    after = _row_id(request.headers.get("last-event-id") or request.query_params.get("after"))
    hub: LiveHub = request.app.state.hub
    events = _events(context_of(request), hub, visitor, words, after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/live", summary="What has changed since a status row", tags=["live"])
async def poll(
    request: Request,
    after: int = Query(default=0, ge=0, description="Id of the last status row seen; 0 for everything"),
    if_none_match: str | None = Header(default=None),
) -> Response:
    """Return every tank whose newest status is later than `after`, the alarm count and the totals.

    The ETag changes only when one of them does; sent back as If-None-Match it is answered with 304.
    Raises 503 `live_stands_still` while the server itself cannot read the figures.
    """
    context, hub = context_of(request), _trusted_hub(request)
    words = await language_of(request)
    now_us, overdue_s = context.clock(), context.settings.overdue_s
    total = live_summary(hub, now_us, overdue_s, words)
    tag = _tag(total, words)
    if tag == if_none_match:
        return Response(status_code=304, headers={"ETag": tag})
    rows = hub.rows_after(after)
    body = total | {"statuses": live_statuses(hub, rows, now_us, overdue_s, words)}
    return JSONResponse(body, headers={"ETag": tag})


async def _events(
    context: Context, hub: LiveHub, visitor: Visitor, words: Language, after: int
) -> AsyncIterator[bytes]:
    """Yield the stream of one browser until it leaves, its session ends or the server stops."""
    settings = context.settings
    yield f"retry: {RETRY_MS}\n\n".encode()
    turn, rows = hub.turn, hub.rows_after(after)
    while not hub.stopping.is_set():
        now_us = context.clock()
        for entry in live_statuses(hub, rows, now_us, settings.overdue_s, words):
            yield event("status", entry, entry["id"])
        if not await _still_signed_in(context, visitor):
            yield event("signed-out", {})
            return
        if hub.trustworthy():
            yield event("alive", live_summary(hub, now_us, settings.overdue_s, words))
        await hub.change_after(turn, settings.keepalive_s)
        rows, turn = hub.rows_since(turn), hub.turn


async def _still_signed_in(context: Context, visitor: Visitor) -> bool:
    """Tell whether the session still holds; a database that does not answer ends no stream."""
    try:
        async with context.database.read() as tx:
            return await identity.session_user(tx, visitor.token, context.clock()) is not None
    except OxyWatchError:
        return True


def _trusted_hub(request: Request) -> LiveHub:
    hub: LiveHub = request.app.state.hub
    if not hub.trustworthy():
        raise ApiError(503, "live_stands_still")
    return hub


def _tag(total: dict[str, Any], words: Language) -> str:
    seen = json.dumps([words.locale, {key: total[key] for key in ("cursor", "alarms", "summary")}])
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:16]}"'


def _row_id(text: str | None) -> int:
    """Return a row id that a browser sent back; 0, everything, for anything else."""
    return whole_number(text) or 0
