"""The second factor: showing it at sign-in, and enrolling an authenticator."""

from __future__ import annotations

import segno
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.access import UnfinishedVisitor
from api.context import context_of
from api.errors import error_text
from api.render import language_of, page
from api.scoped import writing
from api.visitor import field_text, signed_form
from oxygen.errors import Rejected
from policy.sign_in import NEEDED
from records import identity

router = APIRouter(include_in_schema=False)


@router.get("/second-factor")
async def show(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Ask for a code, or offer to enrol an authenticator."""
    if visitor.must_change:
        return RedirectResponse("/password", status_code=303)
    asked = visitor.second_factor == NEEDED
    return await page(request, "second_factor.html", asked=asked, error="")


@router.post("/second-factor")
async def settle(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Let the session go on for a right code of the authenticator, or a recovery code."""
    form = await signed_form(request)
    words = await language_of(request)
    wrong = await _try(request, visitor.token, field_text(form, "code"))
    if wrong is None:
        return RedirectResponse("/", status_code=303)
    text = error_text(wrong.code, wrong.params, words.locale)
    status = 429 if wrong.code == "too_many_attempts" else 422
    return await page(request, "second_factor.html", status=status, asked=True, error=text)


@router.post("/second-factor/enrol")
async def enrol(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Show a new authenticator's secret, once, as text and as a code to photograph."""
    await signed_form(request)
    if visitor.must_change:
        return RedirectResponse("/password", status_code=303)
    async with writing(request) as (tx, _):
        begun = await identity.enrol(tx, visitor.token, now_us=context_of(request).clock())
    return await page(request, "enrol.html", secret=begun.secret, picture=_picture(begun.uri), error="")


@router.post("/second-factor/confirm")
async def confirm(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Take the authenticator into use by its first code and show the recovery codes, once."""
    form = await signed_form(request)
    words = await language_of(request)
    codes: tuple[str, ...] | None = None
    refusal = Rejected("the code is wrong", code="wrong_code")
    async with writing(request) as (tx, _):
        try:
            codes = await identity.confirm_enrolment(
                tx,
                visitor.token,
                field_text(form, "code"),
                now_us=context_of(request).clock(),
                address=_address(request),
            )
        except Rejected as error:
            if error.code in {"reauthentication_needed", "session_over"}:
                raise
            refusal = error
    if codes is not None:
        return await page(request, "recovery_codes.html", codes=codes)
    text = error_text(refusal.code, refusal.params, words.locale)
    return await page(request, "enrol.html", status=422, secret="", picture="", error=text)


@router.post("/second-factor/recovery-codes")
async def renew(request: Request, visitor: UnfinishedVisitor) -> Response:
    """Replace the recovery codes and show the new ones, once."""
    await signed_form(request)
    if visitor.must_change or visitor.second_factor == NEEDED:
        return RedirectResponse("/second-factor", status_code=303)
    async with writing(request) as (tx, _):
        codes = await identity.renew_recovery_codes(tx, visitor.token, now_us=context_of(request).clock())
    return await page(request, "recovery_codes.html", codes=codes)


async def _try(request: Request, token: str, code: str) -> Rejected | None:
    """Return why a code does not settle the second factor, or None; wrong ones are counted."""
    now_us = context_of(request).clock()
    async with writing(request) as (tx, _):
        try:
            right = await identity.show_second_factor(
                tx, token, code, now_us=now_us, address=_address(request)
            )
        except Rejected as refusal:
            if refusal.code == "session_over":
                raise
            return refusal
    return None if right else Rejected("the code is wrong", code="wrong_code")


def _picture(uri: str) -> str:
    """Return the QR code of an authenticator's address as SVG, drawn without any style."""
    return segno.make(uri, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
