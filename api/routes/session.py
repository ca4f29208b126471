"""The session behind the caller's cookie, and the description of this interface."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from api.access import OwnVisitor, own
from api.errors import JSON_ERRORS

router = APIRouter(tags=["session"], dependencies=[Depends(own)], responses=JSON_ERRORS)


class HeldGrant(BaseModel):
    """A role over a scope that the caller holds at present; `valid_to_us` is null when it does not end."""

    role: str
    scope_kind: str
    scope_code: str
    valid_to_us: int | None


class SessionOut(BaseModel):
    """Who is signed in.

    Attributes:
        grants: Roles with their scopes.
        actions: What they allow somewhere; on which objects, each call answers for itself.
        csrf_token: Goes into the header X-CSRF-Token of every change.
    """

    username: str
    grants: list[HeldGrant]
    actions: list[str]
    locale: str
    csrf_token: str


@router.get("/session", summary="Who is signed in")
async def session(visitor: OwnVisitor) -> SessionOut:
    """Return the account of the caller's cookie, what it may do, and the token that changes need."""
    visible = visitor.visible
    return SessionOut(
        username=visitor.username,
        grants=[
            HeldGrant(
                role=grant.role,
                scope_kind=grant.scope.kind.value,
                scope_code=grant.scope.code,
                valid_to_us=grant.valid_to_us,
            )
            for grant in visible.visitor.grants
        ],
        actions=sorted(visible.actions),
        locale=visitor.locale,
        csrf_token=visitor.csrf_token,
    )


@router.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> dict[str, Any]:
    """Return the OpenAPI description."""
    made: dict[str, Any] = request.app.openapi()
    return made
