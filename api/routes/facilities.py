"""Facilities."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from api.access import json_viewer
from api.context import context_of
from api.errors import JSON_ERRORS, ApiError
from api.routes.shapes import FacilityOut, facility_out
from records import registry

router = APIRouter(
    prefix="/facilities", tags=["facilities"], dependencies=[Depends(json_viewer)], responses=JSON_ERRORS
)


@router.get("", summary="All facilities")
async def facilities(request: Request) -> list[FacilityOut]:
    """Return every facility with the codes of its tanks, by code."""
    async with context_of(request).database.read() as tx:
        known = await registry.registry(tx)
    return [facility_out(facility, known.tanks) for facility in known.facilities]


@router.get("/{code}", summary="One facility")
async def facility(request: Request, code: str) -> FacilityOut:
    """Return a facility; 404 when there is none of that code."""
    async with context_of(request).database.read() as tx:
        known = await registry.registry(tx)
    found = known.facility(code)
    if found is None:
        raise ApiError(404, "facility_not_found", facility=code)
    return facility_out(found, known.tanks)
