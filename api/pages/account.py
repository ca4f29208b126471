"""One's own account: rights, sessions, tokens, addresses, and personal data opened with a reason."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api import formats
from api.access import OwnVisitor, UnfinishedVisitor, own
from api.context import context_of
from api.errors import error_text
from api.pages.login import safe_target
from api.render import language_of, page
from api.scoped import visible_in, visitor_in, writing
from api.views.account_texts import AccountView, account_view
from api.visitor import field_text, signed_form
from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY
from policy.permission import Scope
from policy.roles import ScopeKind
from records import identity, permission
from records.identity import ApiToken

router = APIRouter(include_in_schema=False)
OWN = Depends(own)


@router.get("/account", dependencies=[OWN])
async def account(request: Request) -> Response:
    """Show everything about the visitor's own account."""
    return await _account_page(request, {}, {})


@router.get("/account/confirm")
async def ask_password(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Ask for the password again, before what a borrowed browser must not do."""
    target = safe_target(request.query_params.get("next", "/account"))
    return await page(request, "confirm_password.html", error="", next=target)


@router.post("/account/confirm")
async def confirm_password(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Note that the password was typed again and go on to `next`; or ask once more."""
    form = await signed_form(request)
    words = await language_of(request)
    target = safe_target(field_text(form, "next"))
    password, now_us = str(form.get("password") or ""), context_of(request).clock()
    waiting: Rejected | None = None
    right = False
    async with writing(request) as (tx, _):
        try:
            right = await identity.reauthenticate(
                tx, visitor.token, password, now_us=now_us, address=_address(request)
            )
        except Rejected as refusal:
            waiting = refusal
    if right:
        return RedirectResponse(target, status_code=303)
    code, params = ("wrong_password", {}) if waiting is None else (waiting.code, waiting.params)
    text = error_text(code, params, words.locale)
    status = 422 if waiting is None else 429
    return await page(request, "confirm_password.html", status=status, error=text, next=target)


@router.post("/account/sessions/end-others", dependencies=[OWN])
async def end_other_sessions(request: Request) -> Response:
    """Sign the visitor out everywhere else."""
    await signed_form(request)
    visitor = visitor_in(request)
    async with writing(request) as (tx, _):
        await identity.end_other_sessions(
            tx,
            visitor.user_id,
            keep_token=visitor.token,
            actor=visitor.username,
            now_us=context_of(request).clock(),
        )
    return RedirectResponse("/account?done=ended", status_code=303)


@router.post("/account/sessions/{session_id}/end", dependencies=[OWN])
async def end_session(request: Request, session_id: str) -> Response:
    """Sign the visitor out of one browser."""
    await signed_form(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    async with writing(request) as (tx, _):
        await identity.end_session(tx, visitor.user_id, session_id, actor=visitor.username, now_us=now_us)
    return RedirectResponse("/account?done=ended", status_code=303)


@router.post("/account/tokens", dependencies=[OWN])
async def make_token(request: Request) -> Response:
    """Make a token for a program and show it, once; or the page again with what is wrong."""
    form = await signed_form(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    days = field_text(form, "days")
    typed = {"name": field_text(form, "name"), "days": days, "scopes": form.getlist("scopes")}
    scopes = [str(scope) for scope in form.getlist("scopes") if scope in visitor.visible.actions]
    wrong: dict[str, tuple[str, dict[str, object]]] = {}
    if not typed["name"]:
        wrong["name"] = ("field_missing", {})
    if not scopes:
        wrong["scopes"] = ("not_a_choice", {})
    if not days.isdigit() or not 0 < int(days) <= 365:
        wrong["days"] = ("number_missing", {})
    if wrong:
        return await _account_page(request, typed, wrong)
    expires_us = now_us + int(days) * US_PER_DAY
    async with writing(request) as (tx, _):
        token, secret = await identity.create_api_token(
            tx,
            visitor.token,
            name=str(typed["name"]),
            scopes=scopes,
            expires_us=expires_us,
            now_us=now_us,
        )
    return await _show_token(request, token, secret)


@router.post("/account/tokens/{token_id}/revoke", dependencies=[OWN])
async def revoke_token(request: Request, token_id: int) -> Response:
    """End a program's access at once."""
    await signed_form(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    async with writing(request) as (tx, _):
        await identity.revoke_api_token(tx, visitor.user_id, token_id, actor=visitor.username, now_us=now_us)
    return RedirectResponse("/account?done=ended", status_code=303)


@router.post("/account/addresses/{kind}", dependencies=[OWN])
async def change_address(request: Request, kind: str) -> Response:
    """Send a code to a new telephone number or mail address."""
    form = await signed_form(request)
    return await _addressed(request, kind, field_text(form, "value"), "")


@router.post("/account/addresses/{kind}/confirm", dependencies=[OWN])
async def confirm_address(request: Request, kind: str) -> Response:
    """Take a new telephone number or mail address into use by the code that it received."""
    form = await signed_form(request)
    return await _addressed(request, kind, "", field_text(form, "code"))


@router.post("/account/glass", dependencies=[OWN])
async def break_glass(request: Request) -> Response:
    """Open the personal data of one facility for a while, with a reason."""
    form = await signed_form(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    minutes, reason = field_text(form, "minutes"), field_text(form, "reason")
    scope = Scope(ScopeKind.FACILITY, field_text(form, "facility"))
    try:
        async with writing(request) as (tx, _):
            await permission.break_glass(
                tx,
                visitor.visible,
                visitor.user_id,
                scope,
                reason=reason,
                minutes=int(minutes) if minutes.isdigit() else 0,
                actor=visitor.username,
                now_us=now_us,
            )
    except Rejected as refusal:
        if refusal.code not in {"reason_too_short", "bad_value"}:
            raise
        field = "glass-reason" if refusal.code == "reason_too_short" else "glass-minutes"
        return await _account_page(request, {"reason": reason}, {field: (refusal.code, refusal.params)})
    return RedirectResponse("/account?done=opened", status_code=303)


@router.post("/account/glass/{glass_id}/close", dependencies=[OWN])
async def mend_glass(request: Request, glass_id: int) -> Response:
    """Close opened personal data before their time."""
    await signed_form(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    async with writing(request) as (tx, _):
        await permission.mend_glass(tx, visitor.user_id, glass_id, actor=visitor.username, now_us=now_us)
    return RedirectResponse("/account?done=ended", status_code=303)


@router.get("/account/data")
async def own_data(request: Request, visitor: OwnVisitor) -> Response:
    """Return everything that is kept about the visitor, as a file."""
    async with writing(request) as (tx, _):
        kept = await identity.own_data(tx, visitor.user_id, now_us=context_of(request).clock())
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    body = json.dumps(kept, ensure_ascii=False, indent=2, default=str)
    return Response(body, media_type="application/json", headers=headers)


async def _addressed(request: Request, kind: str, value: str, code: str) -> Response:
    """Begin (`value`) or end (`code`) a change of an address, or say beside its field what is wrong."""
    visitor, now_us = visitor_in(request), context_of(request).clock()
    wrong: Any = None
    async with writing(request) as (tx, _):
        try:
            if value:
                await identity.begin_change(tx, visitor.token, kind, value, now_us=now_us)
            elif not await identity.confirm_change(tx, visitor.token, kind, code, now_us=now_us):
                wrong = ("wrong_code", {})
        except Rejected as refusal:
            if refusal.code in {"reauthentication_needed", "session_over"}:
                raise
            wrong = (refusal.code, refusal.params)
    if wrong is None and not value:
        return RedirectResponse("/account?done=saved", status_code=303)
    errors = {} if wrong is None else {f"{kind}-value" if value else f"{kind}-code": wrong}
    return await _account_page(request, {"awaiting": kind if (value and not errors) or code else ""}, errors)


async def _account_page(request: Request, typed: dict[str, Any], wrong: dict[str, Any]) -> Response:
    words = await language_of(request)
    visitor, now_us = visitor_in(request), context_of(request).clock()
    async with writing(request) as (tx, _):
        shown: AccountView = await account_view(tx, visitor, now_us, words)
    errors = {field: error_text(code, params, words.locale) for field, (code, params) in wrong.items()}
    return await page(
        request,
        "account.html",
        status=422 if errors else 200,
        shown=shown,
        typed={"name": "", "days": "90", "scopes": [], "reason": "", "awaiting": "", **typed},
        errors=errors,
        actions=sorted(visible_in(request).actions),
    )


async def _show_token(request: Request, token: ApiToken, secret: str) -> Response:
    ends = formats.instant(token.expires_us)
    return await page(request, "token.html", token=token, secret=secret, ends=ends)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
