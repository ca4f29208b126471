"""Facilities."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from api.access import needs
from api.context import context_of
from api.errors import JSON_ERRORS, ApiError
from api.routes.shapes import FacilityDetail, FacilityOut, facility_detail, facility_out
from api.scoped import reading, visitor_in, writing
from records.permission import officer_of

router = APIRouter(
    prefix="/facilities",
    tags=["facilities"],
    dependencies=[Depends(needs("facilities:read"))],
    responses=JSON_ERRORS,
)


@router.get("", summary="The facilities in the caller's scope")
async def facilities(request: Request) -> list[FacilityOut]:
    """Return every visible facility with the codes of its visible tanks, by code."""
    async with reading(request) as view:
        known = view.registry
    return [facility_out(facility, known.tanks) for facility in known.facilities]


@router.get("/{code}", summary="One facility")
async def facility(request: Request, code: str) -> FacilityDetail:
    """Return a facility; 404 when there is none of that code, or when it is outside the caller's scope.

    The officer's name and telephone are null for who may not see them; whoever sees them is on record.
    """
    async with writing(request) as (tx, view):
        found = view.facility(code)
        if found is None:
            raise ApiError(404, "facility_not_found", facility=code)
        visitor, now_us = visitor_in(request), context_of(request).clock()
        officer = await officer_of(tx, visitor.visible, code, viewer=visitor.username, now_us=now_us)
    return facility_detail(found, view.registry.tanks, officer)
