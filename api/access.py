"""Who may call what. Every route stands behind one of these guards or in PUBLIC; `check_guards` holds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.errors import ApiError
from api.visitor import TOKEN_HEADER, Visitor, check_same_site, check_token, visitor_of

PUBLIC = frozenset({"/login", "/health", "/static"})
"""Paths that anybody may ask for."""

READING_METHODS = frozenset({"GET", "HEAD"})


class SignInFirst(Exception):
    """A page was asked for without a session; the answer leads to the sign-in page and back."""

    def __init__(self, target: str) -> None:
        """Keep the path to lead to."""
        super().__init__(target)
        self.target = target


async def page_visitor(request: Request) -> Visitor:
    """Guard of pages that any account may see; an anonymous reader is led to the sign-in page."""
    visitor = await visitor_of(request)
    if visitor is None:
        back = request.url.path if request.method in READING_METHODS else "/"
        raise SignInFirst(f"/login?next={quote(back, safe='/')}")
    if visitor.must_change:
        raise SignInFirst("/password")
    return visitor


async def page_administrator(visitor: Annotated[Visitor, Depends(page_visitor)]) -> Visitor:
    """Guard of pages for administrators alone."""
    if not visitor.administrator:
        raise ApiError(403, "not_allowed")
    return visitor


async def unfinished_visitor(request: Request) -> Visitor:
    """Guard of what an account may do before it has chosen a password: choose one, or sign out."""
    visitor = await visitor_of(request)
    if visitor is None:
        raise SignInFirst("/login")
    return visitor


async def json_viewer(request: Request) -> Visitor:
    """Guard of JSON that any account may read. Raises ApiError 401 or 403."""
    visitor = await visitor_of(request)
    if visitor is None:
        raise ApiError(401, "sign_in_needed")
    if visitor.must_change:
        raise ApiError(403, "password_change_needed")
    return visitor


async def json_administrator(request: Request, visitor: Annotated[Visitor, Depends(json_viewer)]) -> Visitor:
    """Guard of JSON that changes something: an administrator, with the session's token in a header."""
    if not visitor.administrator:
        raise ApiError(403, "not_allowed")
    if request.method not in READING_METHODS:
        check_same_site(request)
        check_token(request.headers.get(TOKEN_HEADER), visitor.csrf_token)
    return visitor


GUARDS = frozenset({page_visitor, page_administrator, unfinished_visitor, json_viewer, json_administrator})

PageVisitor = Annotated[Visitor, Depends(page_visitor)]
PageAdministrator = Annotated[Visitor, Depends(page_administrator)]
UnfinishedVisitor = Annotated[Visitor, Depends(unfinished_visitor)]
JsonViewer = Annotated[Visitor, Depends(json_viewer)]
JsonAdministrator = Annotated[Visitor, Depends(json_administrator)]


def check_guards(app: FastAPI) -> None:
    """Refuse to start with a route that nobody guards; raises RuntimeError naming it."""
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path not in PUBLIC and not _guarded(route):
            raise RuntimeError(f"route {path} has no guard; add one of api.access, or name it in PUBLIC")


def _guarded(route: RouteContext) -> bool:
    dependant = getattr(route, "dependant", None)
    return isinstance(dependant, Dependant) and any(call in GUARDS for call in _calls(dependant))


def _calls(dependant: Dependant) -> Iterable[object]:
    for part in dependant.dependencies:
        yield part.call
        yield from _calls(part)
