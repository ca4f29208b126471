"""Signing in and out, and choosing a password."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.access import UnfinishedVisitor
from api.context import context_of
from api.errors import error_text
from api.render import language_of, page, set_cookie
from api.visitor import FORM_COOKIE, SESSION_COOKIE, field_text, signed_form, visitor_of
from oxygen.errors import Rejected
from records import identity

router = APIRouter(include_in_schema=False)

_FIELD_OF_CODE = {"wrong_password": "current", "password_too_short": "fresh", "password_unchanged": "fresh"}


@router.get("/login")
async def show(request: Request) -> Response:
    """Show the form; who is signed in already goes on."""
    if await visitor_of(request) is not None:
        return RedirectResponse("/", status_code=303)
    target = safe_target(request.query_params.get("next", "/"))
    return await page(request, "login.html", error="", username="", next=target)


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Open a session and go on to `next`, or show the form again saying why not."""
    form = await signed_form(request)
    context = context_of(request)
    username, target = field_text(form, "username"), safe_target(field_text(form, "next"))
    words = await language_of(request)
    waiting: Rejected | None = None
    session = None
    async with context.database.write() as tx:
        try:
            session = await identity.sign_in(
                tx,
                username,
                str(form.get("password") or ""),
                now_us=context.clock(),
                lifetime_s=context.settings.session_lifetime_s,
                address=request.client.host if request.client else "",
                agent=request.headers.get("user-agent", ""),
            )
        except Rejected as refusal:
            waiting = refusal
    if session is None:
        code, params = ("wrong_sign_in", {}) if waiting is None else (waiting.code, waiting.params)
        text = error_text(code, params, words.locale)
        status = 401 if waiting is None else 429
        return await page(request, "login.html", status=status, error=text, username=username, next=target)
    response = RedirectResponse("/password" if session.must_change else target, status_code=303)
    lifetime_s = context.settings.session_lifetime_s
    set_cookie(response, context.settings, SESSION_COOKIE, session.token, lifetime_s=lifetime_s)
    response.delete_cookie(FORM_COOKIE)
    return response


@router.post("/logout")
async def sign_out(request: Request, visitor: UnfinishedVisitor) -> Response:
    """End the session."""
    await signed_form(request)
    async with context_of(request).database.write() as tx:
        await identity.sign_out(tx, visitor.token)
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.get("/password")
async def show_password(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Show the form that changes the password."""
    return await page(request, "password.html", errors={})


@router.post("/password")
async def change_password(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Change the password, or show the form again with what is wrong beside its field."""
    form = await signed_form(request)
    context = context_of(request)
    words = await language_of(request)
    fresh = str(form.get("fresh") or "")
    if fresh != str(form.get("repeated") or ""):
        errors = {"repeated": error_text("passwords_differ", {}, words.locale)}
        return await page(request, "password.html", status=422, errors=errors)
    try:
        async with context.database.write() as tx:
            await identity.change_password(
                tx,
                visitor.user_id,
                str(form.get("current") or ""),
                fresh,
                now_us=context.clock(),
                keep_token=visitor.token,
            )
    except Rejected as refusal:
        field = _FIELD_OF_CODE.get(refusal.code, "fresh")
        errors = {field: error_text(refusal.code, refusal.params, words.locale)}
        return await page(request, "password.html", status=422, errors=errors)
    return RedirectResponse("/?done=password", status_code=303)


def safe_target(target: str) -> str:
    """Return a path of this site to go on to; `/` for anything that could lead elsewhere."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside and target.isprintable() and "\\" not in target else "/"
