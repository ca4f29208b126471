"""Whether the server lives and can do its work; public, and says nothing that is not."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from api.context import context_of
from api.live_hub import LiveHub
from oxygen.errors import OxyWatchError
from records import registry
from telemetry.contract import DERIVED

router = APIRouter()


class Health(BaseModel):
    """What `/health` says.

    Attributes:
        alive: The program answers.
        ready: Every part below answers.
        parts: By name: `records`, `telemetry`, `live`.
    """

    alive: bool
    ready: bool
    parts: dict[str, bool]


@router.get("/health", tags=["health"], response_model=Health, responses={503: {"model": Health}})
async def health(request: Request) -> JSONResponse:
    """Return 200 when ready, 503 when a part does not answer; either way the program is alive."""
    hub: LiveHub = request.app.state.hub
    parts = {
        "records": await _records_answer(request),
        "telemetry": await _telemetry_answers(request),
        "live": hub.trustworthy(),
    }
    ready = all(parts.values())
    body = Health(alive=True, ready=ready, parts=parts)
    return JSONResponse(body.model_dump(), status_code=200 if ready else 503)


async def _records_answer(request: Request) -> bool:
    try:
        async with context_of(request).database.read() as tx:
            await registry.registry_version(tx)
    except OxyWatchError:
        return False
    return True


async def _telemetry_answers(request: Request) -> bool:
    try:
        await context_of(request).telemetry.latest(DERIVED, {"subject": "tank:-"})
    except OxyWatchError:
        return False
    return True
