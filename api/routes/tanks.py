"""Tanks: what they are, how they stand, and how they stood."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Query, Request

from api.access import needs
from api.context import Context, context_of
from api.errors import JSON_ERRORS, ApiError
from api.physics import physical_tank
from api.routes.shapes import BucketOut, RefillOut, RefillsOut, SeriesOut, TankOut, status_out
from api.scoped import reading
from api.views.series import check_span, parse_instant, step_us
from api.views.standing import standing
from oxygen.local_time import local_day
from oxygen.units import US_PER_DAY
from oxygen.wire.payloads import Status
from records.registry import Tank
from telemetry.contract import DERIVED, Selection

router = APIRouter(
    prefix="/tanks", tags=["tanks"], dependencies=[Depends(needs("tanks:read"))], responses=JSON_ERRORS
)

DEFAULT_SPAN_US = US_PER_DAY
DEFAULT_POINTS = 600
INSTANT_HELP = "µs since 1970 UTC, or RFC 3339 with a zone"
Field = Literal["fill_percent", "mass_kg", "smoothed_kg", "pressure_pa", "draw_kg_per_h"]


@router.get("", summary="All tanks with their latest state")
async def tanks(request: Request, facility: str | None = None) -> list[TankOut]:
    """Return the tanks, of one facility or all, by code."""
    context = context_of(request)
    async with reading(request) as view:
        known = view.registry
        newest = {row.status.subject: row.status for row in await view.statuses()}
    if facility is not None and known.facility(facility) is None:
        raise ApiError(404, "facility_not_found", facility=facility)
    return [
        _tank_out(context, tank, newest.get(tank.subject))
        for tank in known.tanks
        if facility in {None, tank.facility}
    ]


@router.get("/{code}", summary="One tank with its latest state")
async def tank(request: Request, code: str) -> TankOut:
    """Return a tank; 404 when there is none of that code."""
    found = await find_tank(request, code)
    async with reading(request) as view:
        row = await view.status(found.subject)
    return _tank_out(context_of(request), found, row.status if row else None)


@router.get("/{code}/series", summary="A field over time, downsampled")
async def series(
    request: Request,
    code: str,
    field: Field = "fill_percent",
    since: str | None = Query(default=None, description=f"{INSTANT_HELP}; a day before `until` when absent"),
    until: str | None = Query(default=None, description=f"{INSTANT_HELP}; now when absent"),
    points: int = Query(default=DEFAULT_POINTS, ge=1, description="Most steps to return"),
) -> SeriesOut:
    """Return minimum, mean and maximum of [since, until) in at most `points` equal steps from `since`.

    The step is a round one; steps without a reading are left out.
    """
    context = context_of(request)
    if points > context.settings.max_points:
        raise ApiError(422, "too_many_points", limit=context.settings.max_points)
    until_us = context.clock() if until is None else parse_instant("until", until)
    since_us = until_us - DEFAULT_SPAN_US if since is None else parse_instant("since", since)
    check_span(since_us, until_us)
    found = await find_tank(request, code)
    step = step_us(since_us, until_us, points)
    selection = Selection(DERIVED, {"subject": found.subject}, since_us, until_us)
    buckets = await context.telemetry.buckets(selection, field, step)
    return SeriesOut(
        subject=found.subject,
        field=field,
        since_us=since_us,
        until_us=until_us,
        step_us=step,
        buckets=[
            BucketOut(t_us=b.t_us, minimum=b.minimum, mean=b.mean, maximum=b.maximum, count=b.count)
            for b in buckets
        ],
    )


@router.get("/{code}/refills", summary="Deliveries that the balance saw")
async def refills(
    request: Request,
    code: str,
    since: str = Query(description=INSTANT_HELP),
    until: str = Query(description=INSTANT_HELP),
) -> RefillsOut:
    """Return the deliveries that ended in [since, until), oldest first."""
    since_us, until_us = parse_instant("since", since), parse_instant("until", until)
    check_span(since_us, until_us)
    found = await find_tank(request, code)
    async with reading(request) as view:
        days = await view.tank_days(
            subjects=[found.subject],
            since=local_day(since_us).isoformat(),
            until=local_day(until_us).isoformat(),
        )
    deliveries = [
        RefillOut(start_us=r.start_us, end_us=r.end_us, mass_kg=r.mass_kg, sd_kg=r.sd_kg)
        for day in days
        for r in day.refills or ()
        if since_us <= r.end_us < until_us
    ]
    return RefillsOut(subject=found.subject, refills=sorted(deliveries, key=lambda r: r.start_us))


async def find_tank(request: Request, code: str) -> Tank:
    """Return a visible tank; raises ApiError 404 `tank_not_found`."""
    async with reading(request) as view:
        found = view.tank(code)
    if found is None:
        raise ApiError(404, "tank_not_found", tank=code)
    return found


def _tank_out(context: Context, entry: Tank, newest: Status | None) -> TankOut:
    physical = physical_tank(entry)
    verdict = standing(newest, context.clock(), context.settings.overdue_s)
    known = set(TankOut.model_fields) - {"capacity_kg", "heel_kg", "status"}
    return TankOut(
        **{name: getattr(entry, name) for name in known},
        capacity_kg=physical.capacity_kg if physical else None,
        heel_kg=physical.heel_kg if physical else None,
        status=status_out(newest, current=verdict.current) if newest else None,
    )
