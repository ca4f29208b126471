"""Puts the web application together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import pages, routes
from api.access import SignInFirst, check_rules
from api.context import Context
from api.errors import JSON_PREFIX, ApiError, as_api_error, error_body, error_text
from api.language import choose_locale, language
from api.live_hub import LiveHub
from api.render import STATIC, render
from api.security import HEADERS, KnownAddress, SafeAnswers
from api.visitor import LANGUAGE_COOKIE, Visitor
from oxygen.errors import OxyWatchError, Rejected
from records.permission import WhereaboutsCache

DESCRIPTION = (
    "Hospitals' liquid-oxygen tanks: what they hold, when they may run out, alarms and daily reports. "
    "Masses are kg of oxygen, pressures Pa absolute, instants µs since 1970 UTC. Sign in on the page "
    "`/login`; every change needs the session's token (from `/api/v1/session`) in the header `X-CSRF-Token`."
)
KEPT_FOR_EVER = "public, max-age=31536000, immutable"
_log = logging.getLogger(__name__)


def create_app(context: Context) -> FastAPI:
    """Return the application over a context; its live hub runs within the application's lifespan."""
    app = FastAPI(
        title="OxyWatch",
        version="1",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
    )
    app.state.context = context
    app.state.hub = LiveHub(context)
    app.state.whereabouts = WhereaboutsCache()
    for router in routes.JSON_ROUTERS:
        app.include_router(router, prefix="/api/v1")
    for router in (*routes.PLAIN_ROUTERS, *pages.ROUTERS):
        app.include_router(router)
    app.mount("/static", CachedFiles(directory=STATIC))
    for kind in (ApiError, SignInFirst, OxyWatchError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(SafeAnswers, max_body_bytes=context.settings.max_body_bytes)
    app.add_middleware(KnownAddress)
    check_rules(app)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: LiveHub = app.state.hub
    context: Context = app.state.context
    runners = [asyncio.create_task(hub.run(), name="live hub")]
    if context.enrolment is not None:
        runners.append(asyncio.create_task(context.enrolment.run(), name="revocations"))
    try:
        yield
    finally:
        hub.end_streams()
        for runner in runners:
            runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runner


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer any exception: by leading to the sign-in page, in the one JSON shape, or with a page."""
    response = _error_response(request, error)
    for name, value in HEADERS.items():  # an unexpected exception is answered outside every middleware
        response.headers.setdefault(name, value)
    return response


def _error_response(request: Request, error: Exception) -> Response:
    if isinstance(error, SignInFirst):
        return RedirectResponse(error.target, status_code=303)
    if isinstance(error, Rejected) and not request.url.path.startswith(JSON_PREFIX):
        if error.code == "reauthentication_needed":
            back = "/second-factor" if request.url.path.startswith("/second-factor") else "/account"
            return RedirectResponse(f"/account/confirm?next={back}", status_code=303)
        if error.code == "session_over":
            return RedirectResponse("/login", status_code=303)
    told = as_api_error(error)
    if told.status >= 500:
        _log.error("%s %s: %r", request.method, request.url.path, error, exc_info=error)
    if request.url.path.startswith(JSON_PREFIX):
        body = error_body(told.code, told.params).model_dump()
        return JSONResponse(body, status_code=told.status)
    words = language(_locale_without_database(request))
    return render(
        request,
        "error.html",
        words,
        _known_visitor(request),
        status=told.status,
        heading=words.gettext("Not found") if told.status == 404 else words.gettext("That did not work"),
        message=error_text(told.code, told.params, words.locale),
        back="/" if request.method == "GET" else request.url.path,
    )


def _known_visitor(request: Request) -> Visitor | None:
    """Return who asks if that was found out before; a page of an error must not ask a database."""
    visitor = getattr(request.state, "visitor", None)
    return visitor if isinstance(visitor, Visitor) else None


def _locale_without_database(request: Request) -> str:
    visitor = _known_visitor(request)
    return choose_locale(
        asked=request.query_params.get("lang"),
        cookie=request.cookies.get(LANGUAGE_COOKIE),
        account=visitor.locale if visitor else None,
        accept_language=request.headers.get("accept-language"),
    )


class CachedFiles(StaticFiles):
    """Static files; one asked for by its digest may be kept for ever, another has to be asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with the caching that its address allows."""
        response = await super().get_response(path, scope)
        by_digest = b"v=" in scope.get("query_string", b"") or path.startswith("vendor/fonts/")
        response.headers["Cache-Control"] = KEPT_FOR_EVER if by_digest else "no-cache"
        return response
