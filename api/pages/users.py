"""Users and what they may do: seen and kept within the visitor's own scope."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.access import needs
from api.context import context_of
from api.errors import error_text
from api.one_time import one_time_password
from api.render import language_of, page
from api.scoped import visible_in, visitor_in, writing
from api.views.grant_form import (
    ErrorCode,
    TypedGrant,
    grant_view,
    role_choices,
    scope_choices,
    understood,
)
from api.visitor import field_text, signed_form
from oxygen.errors import Rejected
from oxygen.messages import LOCALES
from records import accounts, identity, permission
from records.accounts import KeptAccount

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("accounts:read"))])
KEEPING = Depends(needs("accounts:write"))
GRANTING = Depends(needs("grants:write"))

_USERNAME_CODES = {"username_not_understood", "username_taken"}


@router.get("/users")
async def user_list(request: Request) -> Response:
    """Show the accounts in scope, those that are closed last."""
    words = await language_of(request)
    visible, now_us = visible_in(request), context_of(request).clock()
    async with context_of(request).database.read() as tx:
        found = await accounts.kept_accounts(tx, visible, now_us)
    found.sort(key=lambda one: not one.user.active)
    rows = [(one, _standing(one, request, words)) for one in found]
    return await page(request, "users.html", rows=rows, may_add=_may_add(request))


@router.get("/users/new", dependencies=[KEEPING, GRANTING])
async def new_user(request: Request) -> Response:
    """Show an empty form."""
    return await _new_form(request, "", "vi", TypedGrant(), {})


@router.post("/users", dependencies=[KEEPING, GRANTING])
async def add_user(request: Request) -> Response:
    """Open an account and show its one-time password, once; or the form again with what is wrong."""
    form = await signed_form(request)
    words = await language_of(request)
    visible, now_us = visible_in(request), context_of(request).clock()
    username, locale = field_text(form, "username"), field_text(form, "locale")
    typed = _typed(form)
    grant, errors = understood(typed, visible, now_us, words)
    if locale not in LOCALES:
        errors["locale"] = ("not_a_choice", {})
    if grant is None or errors:
        return await _new_form(request, username, locale, typed, errors)
    password = one_time_password()
    try:
        async with writing(request) as (tx, _):
            user = await accounts.open_account(
                tx,
                visible,
                username=username,
                password=password,
                locale=locale,
                grant=grant,
                reason=typed.reason,
                actor=visitor_in(request).username,
                now_us=now_us,
            )
    except Rejected as refusal:
        return await _new_form(request, username, locale, typed, _beside("username", refusal))
    return await page(request, "user_password.html", user=user, password=password)


@router.get("/users/{user_id}")
async def show_user(request: Request, user_id: int) -> Response:
    """Show an account, what it holds and held; 404 for one outside the visitor's scope."""
    return await _user_page(request, await _find(request, user_id), TypedGrant(), {})


@router.post("/users/{user_id}/grants", dependencies=[GRANTING])
async def add_grant(request: Request, user_id: int) -> Response:
    """Give another right, or show the form again with what is wrong."""
    form = await signed_form(request)
    words = await language_of(request)
    visible, now_us = visible_in(request), context_of(request).clock()
    account = await _find(request, user_id)
    typed = _typed(form)
    grant, errors = understood(typed, visible, now_us, words)
    if grant is None:
        return await _user_page(request, account, typed, errors)
    actor = visitor_in(request).username
    async with writing(request) as (tx, _):
        await permission.issue(tx, visible, user_id, grant, actor=actor, reason=typed.reason, now_us=now_us)
    return RedirectResponse(f"/users/{user_id}?done=granted", status_code=303)


@router.post("/users/{user_id}/grants/{grant_id}/revoke", dependencies=[GRANTING])
async def revoke_grant(request: Request, user_id: int, grant_id: int) -> Response:
    """End a right at once."""
    form = await signed_form(request)
    account = await _find(request, user_id)
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    try:
        async with writing(request) as (tx, _):
            await permission.revoke(
                tx,
                visible_in(request),
                _own(account, grant_id),
                actor=actor,
                reason=field_text(form, "reason"),
                now_us=now_us,
            )
    except Rejected as refusal:
        if refusal.code not in {"reason_missing", "last_administrator"}:
            raise
        wrong = {f"revoke-{grant_id}": (refusal.code, refusal.params)}
        return await _user_page(request, account, TypedGrant(), wrong)
    return RedirectResponse(f"/users/{user_id}?done=revoked", status_code=303)


@router.post("/users/{user_id}/password", dependencies=[KEEPING])
async def renew_password(request: Request, user_id: int) -> Response:
    """Give a one-time password and show it, once; the account's sessions end."""
    await signed_form(request)
    password = one_time_password()
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    async with writing(request) as (tx, _):
        user = await accounts.renew_password(
            tx, visible_in(request), user_id, password=password, actor=actor, now_us=now_us
        )
    return await page(request, "user_password.html", user=user, password=password)


@router.post("/users/{user_id}/second-factor", dependencies=[KEEPING])
async def reset_second_factor(request: Request, user_id: int) -> Response:
    """Take a lost authenticator away; the account's sessions end and it has to enrol another."""
    await signed_form(request)
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    async with writing(request) as (tx, _):
        await accounts.check_changeable(tx, visible_in(request), user_id, now_us)
        await identity.reset_second_factor(tx, user_id, actor=actor, now_us=now_us)
    return RedirectResponse(f"/users/{user_id}?done=saved", status_code=303)


@router.post("/users/{user_id}/replacement", dependencies=[KEEPING, GRANTING])
async def replace_user(request: Request, user_id: int) -> Response:
    """Put another person in this one's place and show the new account's one-time password."""
    form = await signed_form(request)
    account = await _find(request, user_id)
    password = one_time_password()
    username, reason = field_text(form, "username"), field_text(form, "reason")
    try:
        async with writing(request) as (tx, _):
            user = await accounts.replace_account(
                tx,
                visible_in(request),
                user_id,
                username=username,
                password=password,
                reason=reason,
                actor=visitor_in(request).username,
                now_us=context_of(request).clock(),
            )
    except Rejected as refusal:
        wrong = _beside("replace-username", refusal, "replace-reason")
        return await _user_page(request, account, TypedGrant(), wrong)
    return await page(request, "user_password.html", user=user, password=password)


@router.post("/users/{user_id}/close", dependencies=[KEEPING])
async def close_user(request: Request, user_id: int) -> Response:
    """Close an account; its sessions and tokens end at once."""
    form = await signed_form(request)
    account = await _find(request, user_id)
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    reason = field_text(form, "reason")
    try:
        async with writing(request) as (tx, _):
            await accounts.close_account(
                tx, visible_in(request), user_id, reason=reason, actor=actor, now_us=now_us
            )
    except Rejected as refusal:
        wrong = _beside("close-reason", refusal, "close-reason")
        return await _user_page(request, account, TypedGrant(), wrong)
    return RedirectResponse("/users?done=closed", status_code=303)


async def _find(request: Request, user_id: int) -> KeptAccount:
    async with context_of(request).database.read() as tx:
        return await accounts.kept_account(tx, visible_in(request), user_id, context_of(request).clock())


def _own(account: KeptAccount, grant_id: int) -> int:
    """Return a grant's id when it is this account's and visible; else one that no grant has."""
    return grant_id if any(row.id == grant_id for row in account.grants) else 0


def _may_add(request: Request) -> bool:
    visible = visible_in(request)
    return visible.may("accounts:write") and visible.may("grants:write")


def _standing(account: KeptAccount, request: Request, words: Any) -> list[Any]:
    visible, now_us = visible_in(request), context_of(request).clock()
    return [grant_view(row, visible, now_us, words) for row in account.grants if not row.ended(now_us)]


def _typed(form: FormData) -> TypedGrant:
    return TypedGrant(**{name: field_text(form, name) for name in TypedGrant.__struct_fields__})


def _beside(field: str, refusal: Rejected, reason_field: str = "reason") -> dict[str, ErrorCode]:
    """Return a refusal beside the field that it is about; one that is about none goes on up."""
    if refusal.code in _USERNAME_CODES:
        return {field: (refusal.code, refusal.params)}
    if refusal.code in {"reason_missing", "last_administrator"}:
        return {reason_field: (refusal.code, refusal.params)}
    raise refusal


async def _choices(request: Request) -> dict[str, Any]:
    words = await language_of(request)
    scopes = scope_choices(visible_in(request), words)
    return {
        "scopes": scopes,
        "roles": role_choices(visible_in(request), scopes),
        "may_type_unit": visible_in(request).everywhere("grants:write"),
    }


async def _texts(request: Request, errors: dict[str, ErrorCode]) -> dict[str, str]:
    words = await language_of(request)
    return {field: error_text(code, params, words.locale) for field, (code, params) in errors.items()}


async def _new_form(
    request: Request, username: str, locale: str, typed: TypedGrant, errors: dict[str, ErrorCode]
) -> Response:
    return await page(
        request,
        "user_new.html",
        status=422 if errors else 200,
        username=username,
        chosen_locale=locale,
        form=typed,
        errors=await _texts(request, errors),
        **await _choices(request),
    )


async def _user_page(
    request: Request, account: KeptAccount, typed: TypedGrant, errors: dict[str, ErrorCode]
) -> Response:
    words = await language_of(request)
    visible, now_us = visible_in(request), context_of(request).clock()
    return await page(
        request,
        "user.html",
        status=422 if errors else 200,
        account=account,
        grants=[grant_view(row, visible, now_us, words) for row in account.grants],
        own=account.user.id == visitor_in(request).user_id,
        may_keep=account.changeable and account.user.active and visible.may("accounts:write"),
        may_grant=account.user.active and visible.may("grants:write"),
        form=typed,
        errors=await _texts(request, errors),
        **await _choices(request),
    )
