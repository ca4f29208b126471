"""The session behind the caller's cookie, and the description of this interface."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from api.access import JsonViewer, json_viewer
from api.errors import JSON_ERRORS

router = APIRouter(tags=["session"], dependencies=[Depends(json_viewer)], responses=JSON_ERRORS)


class SessionOut(BaseModel):
    """Who is signed in; `csrf_token` goes into the header X-CSRF-Token of every change."""

    username: str
    role: str
    locale: str
    csrf_token: str


@router.get("/session", summary="Who is signed in")
async def session(visitor: JsonViewer) -> SessionOut:
    """Return the account of the caller's cookie and the token that changes need."""
    return SessionOut(
        username=visitor.username,
        role="administrator" if visitor.administrator else "viewer",
        locale=visitor.locale,
        csrf_token=visitor.csrf_token,
    )


@router.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> dict[str, Any]:
    """Return the OpenAPI description."""
    made: dict[str, Any] = request.app.openapi()
    return made
