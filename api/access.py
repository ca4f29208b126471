"""Who may call what. Every route names the action it is for, or stands in PUBLIC; `check_rules` holds it.

A guard answers whether the visitor may do the action on anything at all. On which objects, the route asks
the records as that visitor (`api.scoped`), where what is out of scope does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.errors import JSON_PREFIX, ApiError
from api.visitor import TOKEN_HEADER, Visitor, check_same_site, check_token, visitor_of
from policy import roles
from policy.sign_in import DONE

PUBLIC = frozenset({"/login", "/health", "/static", "/api/v1/enrolments", "/api/v1/enrolments/renewals"})
"""Paths that anybody may ask for. Enrolment asks for a code, or for a certificate and its key, instead."""

OWN = "own"
"""What every signed-in account may do: see to itself. No role gives it."""

READING_METHODS = frozenset({"GET", "HEAD"})
_STREAM = "/live"


class SignInFirst(Exception):
    """A page was asked for without a session; the answer leads to the sign-in page and back."""

    def __init__(self, target: str) -> None:
        """Keep the path to lead to."""
        super().__init__(target)
        self.target = target


class Guard:
    """Lets in who may do an action; a dependency of routes.

    Attributes:
        action: Name of an action in `policy/roles.toml`, or OWN.
        unfinished: Let in a session that has yet to choose a password or to show a second factor.
    """

    def __init__(self, action: str, *, unfinished: bool = False) -> None:
        self.action = action
        self.unfinished = unfinished

    async def __call__(self, request: Request) -> Visitor:
        """Return who asks. Raises SignInFirst for pages; ApiError 401 or 403."""
        wants_json = request.url.path.startswith(JSON_PREFIX) or request.url.path == _STREAM
        visitor = await visitor_of(request)
        if visitor is None or (visitor.by_token and not wants_json):
            raise ApiError(401, "sign_in_needed") if wants_json else SignInFirst(_sign_in_path(request))
        if visitor.must_change and not self.unfinished:
            raise ApiError(403, "password_change_needed") if wants_json else SignInFirst("/password")
        if visitor.second_factor != DONE and not self.unfinished:
            raise ApiError(403, "second_factor_needed") if wants_json else SignInFirst("/second-factor")
        if self.action != OWN and not visitor.may(self.action):
            raise ApiError(403, "not_allowed")
        if wants_json and request.method not in READING_METHODS and not visitor.by_token:
            check_same_site(request)
            check_token(request.headers.get(TOKEN_HEADER), visitor.csrf_token)
        return visitor


def needs(action: str) -> Guard:
    """Return the guard of a route for an action. Raises ValueError for one that the table does not know."""
    if action not in roles.table().actions:
        raise ValueError(f"policy/roles.toml has no action {action}")
    return Guard(action)


own = Guard(OWN)
unfinished = Guard(OWN, unfinished=True)

OwnVisitor = Annotated[Visitor, Depends(own)]
UnfinishedVisitor = Annotated[Visitor, Depends(unfinished)]


def check_rules(app: FastAPI) -> None:
    """Refuse to start with a route that names no action; raises RuntimeError naming it."""
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path not in PUBLIC and not actions_of(route):
            raise RuntimeError(f"route {path} names no action; add api.access.needs(…), or name it in PUBLIC")


def actions_of(route: RouteContext) -> frozenset[str]:
    """Return the actions that a route asks for; every one of them has to be allowed."""
    dependant = getattr(route, "dependant", None)
    if not isinstance(dependant, Dependant):
        return frozenset()
    return frozenset(guard.action for guard in _guards(dependant))


def _guards(dependant: Dependant) -> Iterator[Guard]:
    for part in dependant.dependencies:
        if isinstance(part.call, Guard):
            yield part.call
        yield from _guards(part)


def _sign_in_path(request: Request) -> str:
    back = request.url.path if request.method in READING_METHODS else "/"
    return f"/login?next={quote(back, safe='/')}"
