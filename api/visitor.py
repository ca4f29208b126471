"""Who asks: the signed-in account behind a request's cookie."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import msgspec
from fastapi import Request
from starlette.datastructures import FormData

from api.context import Context, context_of
from api.errors import ApiError
from oxygen.local_time import local_day
from policy.sign_in import DONE, ENROL
from records import identity, permission
from records.permission import Visible, WhereaboutsCache

SESSION_COOKIE = "oxywatch_session"
FORM_COOKIE = "oxywatch_form"
LANGUAGE_COOKIE = "oxywatch_lang"
TOKEN_FIELD = "csrf_token"  # noqa: S105  the name of a field, not a secret
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105  the name of a header, not a secret


@dataclass(frozen=True)
class Visitor:
    """A signed-in account.

    Attributes:
        user_id, username: Of the account.
        visible: What its grants let it see and do.
        must_change: Has to choose a password before anything else.
        second_factor: What the session still owes, as `policy.sign_in` says; `done` lets it go on.
        by_token: A program that acts for the account; it has no pages and needs no form token.
        locale: The account's own setting.
        csrf_token: Has to come with every change.
        token: The session's secret; never shown.
    """

    user_id: int
    username: str
    visible: Visible
    must_change: bool
    locale: str
    csrf_token: str
    token: str
    second_factor: str = DONE
    by_token: bool = False

    def may(self, action: str) -> bool:
        """Tell whether an action is allowed on some object."""
        return self.visible.may(action)


async def visitor_of(request: Request) -> Visitor | None:
    """Return who asks, or None for an anonymous or expired session; looked up once a request."""
    if not hasattr(request.state, "visitor"):
        request.state.visitor = await _find(request)
    found = request.state.visitor
    return found if isinstance(found, Visitor) else None


async def _find(request: Request) -> Visitor | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await _find_program(request, secret.strip())
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    return await find_visitor(context_of(request), request.app.state.whereabouts, token)


async def find_visitor(context: Context, whereabouts: WhereaboutsCache, token: str) -> Visitor | None:
    """Return whose session a token is, with the grants in force now; None when it is over."""
    now_us = context.clock()
    async with context.database.read() as tx:
        signed_in = await identity.session_user(tx, token, now_us)
        if signed_in is None:
            return None
        held = await permission.visitor_of(tx, signed_in.user_id, now_us)
        where = await whereabouts.at(tx, local_day(now_us))
    return Visitor(
        user_id=signed_in.user_id,
        username=signed_in.username,
        visible=Visible(held, where),
        second_factor=_owed(signed_in.second_factor, context),
        must_change=signed_in.must_change,
        locale=signed_in.locale,
        csrf_token=signed_in.csrf_token,
        token=token,
    )


async def _find_program(request: Request, secret: str) -> Visitor | None:
    """Return the program that an API token belongs to: its account, held to the token's actions."""
    context = context_of(request)
    whereabouts: WhereaboutsCache = request.app.state.whereabouts
    now_us = context.clock()
    async with context.database.read() as tx:
        program = await identity.token_user(tx, secret, now_us)
        if program is None:
            return None
        held = await permission.visitor_of(tx, program.user_id, now_us)
        where = await whereabouts.at(tx, local_day(now_us))
    if program.note_use:
        async with context.database.write() as tx:
            await identity.note_token_use(tx, program.token_id, now_us)
    return Visitor(
        user_id=program.user_id,
        username=program.username,
        visible=Visible(msgspec.structs.replace(held, only=program.scopes), where),
        must_change=False,
        locale=program.locale,
        csrf_token="",
        token="",
        by_token=True,
    )


def _owed(second_factor: str, context: Context) -> str:
    """Return what a session owes; where a second factor is optional, nobody has to enrol for one."""
    return DONE if second_factor == ENROL and not context.settings.require_second_factor else second_factor


def check_same_site(request: Request) -> None:
    """Refuse a change that another site's page asks for; browsers say where a request comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ApiError(403, "form_expired")


def check_token(given: object, expected: str) -> None:
    """Refuse a change without the session's token; raises ApiError `form_expired`."""
    matches = isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())
    if not expected or not matches:
        raise ApiError(403, "form_expired")


async def signed_form(request: Request) -> FormData:
    """Return a posted form after its token was checked; raises ApiError `form_expired`."""
    check_same_site(request)
    visitor = await visitor_of(request)
    form = await request.form()
    expected = visitor.csrf_token if visitor else request.cookies.get(FORM_COOKIE, "")
    check_token(form.get(TOKEN_FIELD), expected)
    return form


def field_text(form: FormData, name: str) -> str:
    """Return a form field without surrounding space; empty when absent or a file."""
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
