"""The fleet: how gateways are, what they are to do, and who is let in."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from api.access import needs
from api.context import context_of
from api.errors import ApiError, error_text
from api.render import language_of, page
from api.scoped import reading, visible_in, visitor_in, writing
from api.views.fleet import GatewayRow, changes, gateway_row
from api.views.overview import facility_name
from api.visitor import field_text, signed_form
from oxygen.errors import BadConfiguration, Rejected
from oxygen.units import US_PER_HOUR
from records import enrolment, fleet
from records.permission import View
from records.registry import Gateway

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("gateways:read"))])
CONFIGURING = Depends(needs("gateways:configure"))
ENROLLING = Depends(needs("gateways:enrol"))
CODE_HOURS = 48


@router.get("/gateways")
async def gateway_list(request: Request) -> Response:
    """Show every gateway in scope, those that need somebody first."""
    words = await language_of(request)
    async with reading(request) as view, context_of(request).database.read() as tx:
        healths, desired = await fleet.healths(tx), await fleet.desired_configs(tx)
        reported = await fleet.reported_configs(tx)
        gateways = [each for each in view.registry.gateways if each.retired_us is None]
        places = {each.code: facility_name(each, words) for each in view.registry.facilities}
    rows = [
        _row(request, each, healths.get(each.code), desired.get(each.code), reported.get(each.code))
        for each in gateways
    ]
    rows.sort(key=lambda row: (_urgency(row), row.code))
    return await page(request, "gateways.html", rows=rows, places=places)


@router.get("/gateways/{code}")
async def show_gateway(request: Request, code: str) -> Response:
    """Show one gateway; 404 when there is none of that code in the visitor's scope."""
    return await _show(request, code)


@router.post("/gateways/{code}/config", dependencies=[CONFIGURING])
async def configure(request: Request, code: str) -> Response:
    """Make a body the desired configuration, or show it again with what a gateway would refuse."""
    form = await signed_form(request)
    await _find(request, code, "gateways:configure")
    body = field_text(form, "body").replace("\r\n", "\n").strip() + "\n"
    problem = await _problem(request, code, body)
    if problem:
        return await _show(request, code, typed=body, problem=problem, note=field_text(form, "note"))
    version = field_text(form, "version")
    async with writing(request) as (tx, _):
        await fleet.put_config(
            tx,
            code,
            body,
            note=field_text(form, "note")[:200],
            actor=visitor_in(request).username,
            now_us=context_of(request).clock(),
            expected_version=int(version) if version.isdigit() else 0,
        )
    return RedirectResponse(f"/gateways/{code}?done=saved", status_code=303)


@router.post("/gateways/{code}/config/{version}/restore", dependencies=[CONFIGURING])
async def restore(request: Request, code: str, version: int) -> Response:
    """Make an earlier version the desired one again."""
    await signed_form(request)
    await _find(request, code, "gateways:configure")
    async with writing(request) as (tx, _):
        earlier = await fleet.config_version(tx, code, version)
        if earlier is None:
            raise ApiError(404, "page_not_found")
    problem = await _problem(request, code, earlier.body)
    if problem:
        return await _show(request, code, typed=earlier.body, problem=problem)
    async with writing(request) as (tx, _):
        actor, now_us = visitor_in(request).username, context_of(request).clock()
        await fleet.restore_config(tx, code, version, actor=actor, now_us=now_us)
    return RedirectResponse(f"/gateways/{code}?done=saved", status_code=303)


@router.post("/gateways/{code}/enrolment-code", dependencies=[ENROLLING])
async def enrolment_code(request: Request, code: str) -> Response:
    """Make a one-time code and show it, once."""
    await signed_form(request)
    await _find(request, code, "gateways:enrol")
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    async with writing(request) as (tx, _):
        made = await enrolment.create_code(
            tx, code, valid_us=CODE_HOURS * US_PER_HOUR, actor=actor, now_us=now_us
        )
    return await _show(request, code, one_time_code=made)


@router.post("/gateways/{code}/revoke", dependencies=[ENROLLING])
async def revoke(request: Request, code: str) -> Response:
    """Take everything back that lets a gateway in; a reason is needed."""
    form = await signed_form(request)
    await _find(request, code, "gateways:enrol")
    reason = field_text(form, "reason").strip()
    if not reason:
        words = await language_of(request)
        return await _show(request, code, revoke_problem=error_text("reason_needed", {}, words.locale))
    actor, now_us = visitor_in(request).username, context_of(request).clock()
    async with writing(request) as (tx, _):
        await enrolment.revoke_gateway(tx, code, reason=reason[:500], actor=actor, now_us=now_us)
    return RedirectResponse(f"/gateways/{code}?done=saved", status_code=303)


async def _show(
    request: Request,
    code: str,
    *,
    typed: str | None = None,
    note: str = "",
    problem: str = "",
    one_time_code: str = "",
    revoke_problem: str = "",
) -> Response:
    words = await language_of(request)
    gateway = await _find(request, code, "gateways:read")
    async with context_of(request).database.read() as tx:
        versions = await fleet.config_versions(tx, code, limit=10)
        health = (await fleet.healths(tx)).get(code)
        reported = (await fleet.reported_configs(tx)).get(code)
        access = next((each for each in await enrolment.accesses(tx) if each.gateway == code), None)
        certificates = await enrolment.certificates(tx, code)
    desired = versions[0] if versions else None
    visible, subject = visible_in(request), f"gateway:{code}"
    known = visible.where.registry.facility(gateway.facility)
    older = [*versions, None][1:]
    return await page(
        request,
        "gateway.html",
        status=422 if problem or revoke_problem else 200,
        row=_row(request, gateway, health, desired, reported),
        place=facility_name(known, words) if known else gateway.facility,
        versions=[
            (each, changes(before.body if before else "", each.body))
            for each, before in zip(versions, older, strict=True)
        ],
        typed=typed if typed is not None else (desired.body if desired else ""),
        note=note,
        problem=problem,
        one_time_code=one_time_code,
        revoke_problem=revoke_problem,
        access=access,
        certificate=next((each for each in certificates if each.revoked_us is None), None),
        code_hours=CODE_HOURS,
        may_configure=visible.on_subject("gateways:configure", subject, gateway.facility),
        may_enrol=visible.on_subject("gateways:enrol", subject, gateway.facility),
    )


async def _find(request: Request, code: str, action: str) -> Gateway:
    """Return a gateway on which an action is allowed. Raises ApiError 404, or 403 if it may only be seen."""
    async with reading(request) as view:
        gateway = _seen(view, code)
    if gateway is None:
        raise ApiError(404, "page_not_found")
    if not visible_in(request).on_subject(action, f"gateway:{code}", gateway.facility):
        raise ApiError(403, "not_allowed")
    return gateway


def _seen(view: View, code: str) -> Gateway | None:
    return next((each for each in view.registry.gateways if each.code == code), None)


async def _problem(request: Request, code: str, body: str) -> str:
    """Return why the gateway would refuse a configuration, in the reader's language; else an empty text."""
    context, words = context_of(request), await language_of(request)
    registered = {each.code for each in visible_in(request).where.registry.tanks if each.gateway == code}
    try:
        strange = sorted(set(context.check_config(body)) - registered)
    except BadConfiguration as error:
        return error_text("bad_gateway_config", {"detail": str(error)}, words.locale)
    except Rejected as error:
        return error_text(error.code, error.params, words.locale)
    if strange:
        return error_text("tank_not_of_gateway", {"tank": ", ".join(strange)}, words.locale)
    return ""


def _row(
    request: Request,
    gateway: Gateway,
    health: fleet.GatewayHealth | None,
    desired: fleet.DesiredConfig | None,
    reported: fleet.ReportedConfig | None,
) -> GatewayRow:
    context = context_of(request)
    silent_after_s = context.settings.gateway_silent_after_s
    return gateway_row(
        gateway, health, desired, reported, now_us=context.clock(), silent_after_s=silent_after_s
    )


def _urgency(row: GatewayRow) -> int:
    if row.standing != "online":
        return 0
    return 1 if row.configuration == "refused" else 2
