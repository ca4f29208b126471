"""Live figures: a stream of server-sent events, and the same by asking again and again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.access import needs
from api.context import Context, context_of
from api.errors import JSON_ERRORS, ApiError
from api.language import Language
from api.live_hub import LiveHub
from api.render import language_of
from api.scoped import visible_in, visitor_in
from api.views.live_events import event, live_statuses, live_summary
from api.visitor import Visitor, find_visitor
from oxygen.errors import OxyWatchError
from records.permission import Visible, WhereaboutsCache

RETRY_MS = 2000

stream_router = APIRouter(dependencies=[Depends(needs("tanks:read"))])
router = APIRouter(dependencies=[Depends(needs("tanks:read"))], responses=JSON_ERRORS)


@stream_router.get("/live", include_in_schema=False)
async def stream(request: Request) -> Response:
    """Send each tank's newest state as it changes, and a sign of life at least every `keepalive_s`."""
    words = await language_of(request)
    after = _row_id(request.headers.get("last-event-id") or request.query_params.get("after"))
    hub: LiveHub = request.app.state.hub
    events = _events(context_of(request), hub, _Watcher(request), words, after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.get("/live", summary="What has changed since a status row", tags=["live"])
async def poll(
    request: Request,
    after: int = Query(default=0, ge=0, description="Id of the last status row seen; 0 for everything"),
    if_none_match: str | None = Header(default=None),
) -> Response:
    """Return every visible tank whose newest status is later than `after`, the alarm count and the totals.

    The ETag changes only when one of them does; sent back as If-None-Match it is answered with 304.
    Raises 503 `live_stands_still` while the server itself cannot read the figures.
    """
    context, hub, visible = context_of(request), _trusted_hub(request), visible_in(request)
    words = await language_of(request)
    now_us, overdue_s = context.clock(), context.settings.overdue_s
    total = live_summary(hub, visible, now_us, overdue_s, words)
    tag = _tag(total, visible, words)
    if tag == if_none_match:
        return Response(status_code=304, headers={"ETag": tag})
    rows = hub.rows_after(after)
    body = total | {"statuses": live_statuses(visible, rows, now_us, overdue_s, words)}
    return JSONResponse(body, headers={"ETag": tag})


async def _events(
    context: Context, hub: LiveHub, watcher: _Watcher, words: Language, after: int
) -> AsyncIterator[bytes]:
    """Yield the stream of one browser until it leaves, its session ends or the server stops.

    What it may see is asked again at every turn: a grant that was revoked shows nothing more.
    """
    settings = context.settings
    yield f"retry: {RETRY_MS}\n\n".encode()
    turn, rows = hub.turn, hub.rows_after(after)
    while not hub.stopping.is_set():
        now_us = context.clock()
        visible = await watcher.visible()
        if visible is None:
            yield event("signed-out", {})
            return
        for entry in live_statuses(visible, rows, now_us, settings.overdue_s, words):
            yield event("status", entry, entry["id"])
        if hub.trustworthy():
            yield event("alive", live_summary(hub, visible, now_us, settings.overdue_s, words))
        await hub.change_after(turn, settings.keepalive_s)
        rows, turn = hub.rows_since(turn), hub.turn


class _Watcher:
    """Who follows a stream; the rights of that account as they are now."""

    def __init__(self, request: Request) -> None:
        self._context = context_of(request)
        self._whereabouts: WhereaboutsCache = request.app.state.whereabouts
        self._visitor: Visitor = visitor_in(request)

    async def visible(self) -> Visible | None:
        """Return what may be shown; None when the session is over or the account may see no tanks any more.

        A database that does not answer ends no stream, and brings no new figures either.
        """
        try:
            found = await find_visitor(self._context, self._whereabouts, self._visitor.token)
        except OxyWatchError:
            return self._visitor.visible
        if found is None or not found.may("tanks:read"):
            return None
        self._visitor = found
        return found.visible


def _trusted_hub(request: Request) -> LiveHub:
    hub: LiveHub = request.app.state.hub
    if not hub.trustworthy():
        raise ApiError(503, "live_stands_still")
    return hub


def _tag(total: dict[str, Any], visible: Visible, words: Language) -> str:
    tanks = [tank.code for tank in visible.registry.tanks]
    seen = json.dumps([words.locale, tanks, {key: total[key] for key in ("cursor", "alarms", "summary")}])
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:16]}"'


def _row_id(text: str | None) -> int:
    """Return a row id that a browser sent back; 0, everything, for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
