"""What the JSON interface answers with; the OpenAPI description is made from these classes.

Masses are kg of oxygen, pressures Pa absolute, instants µs since 1970 UTC. A figure that is not known is
null, never 0.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from oxygen.wire.payloads import Status
from records.permission import Officer
from records.registry import Facility, Tank


class FacilityOut(BaseModel):
    """A hospital."""

    code: str
    name_vi: str
    name_en: str
    place: str
    simulated: bool
    tanks: list[str]


class OfficerOut(BaseModel):
    """Whom to call at a hospital; `phone` is null when it cannot be read, and `phone_reason` says why."""

    name: str
    phone: str | None
    phone_reason: str


class FacilityDetail(FacilityOut):
    """A hospital; `officer` is null for who may not see personal data."""

    officer: OfficerOut | None


class StatusOut(BaseModel):
    """A tank's derived state.

    Attributes:
        as_of_us: Time of the reading; it is not moved while the tank is silent.
        evaluated_us: When the state was worked out.
        band: normal, reorder, urgent, critical or unknown.
        state: ok, filling, fault, stale or never_read.
        current: False when the figures are old: a fault, silence, or nobody working them out.
        mass_kg: Last good contents.
        aged_mass_kg: Contents expected at evaluated_us.
        empty_at_p10_us, empty_at_p50_us, empty_at_p90_us: When the tank may reach its heel.
    """

    as_of_us: int | None
    evaluated_us: int
    source: str
    quality: str
    reason: str
    band: str
    state: str
    current: bool
    mass_kg: float | None
    aged_mass_kg: float | None
    fill_percent: float | None
    draw_kg_per_h: float | None
    pressure_pa: float | None
    empty_at_p10_us: int | None
    empty_at_p50_us: int | None
    empty_at_p90_us: int | None


class TankOut(BaseModel):
    """A tank and its latest state; `status` is null when it was never read."""

    code: str
    subject: str
    facility: str
    system: str | None
    name_vi: str
    name_en: str
    geometry: dict[str, Any]
    working_pressure_pa: float
    fill_limit_fraction: float
    heel_fraction: float
    lead_time_h: float
    supplier: str
    capacity_kg: float | None
    heel_kg: float | None
    status: StatusOut | None


class BucketOut(BaseModel):
    """One step of a series; steps without a value are left out."""

    t_us: int
    minimum: float
    mean: float
    maximum: float
    count: int


class SeriesOut(BaseModel):
    """A field of a tank over time, in steps of `step_us` from `since_us`."""

    subject: str
    field: str
    since_us: int
    until_us: int
    step_us: int
    buckets: list[BucketOut]


class RefillOut(BaseModel):
    """One delivery as the balance saw it."""

    start_us: int
    end_us: int
    mass_kg: float
    sd_kg: float | None


class RefillsOut(BaseModel):
    """Deliveries of a tank, oldest first."""

    subject: str
    refills: list[RefillOut]


def facility_out(facility: Facility, tanks: tuple[Tank, ...]) -> FacilityOut:
    """Return a facility with the codes of its tanks. Its officer's name and telephone are not given out."""
    return FacilityOut(
        code=facility.code,
        name_vi=facility.name_vi,
        name_en=facility.name_en,
        place=facility.place,
        simulated=facility.simulated,
        tanks=[tank.code for tank in tanks if tank.facility == facility.code],
    )


def facility_detail(facility: Facility, tanks: tuple[Tank, ...], officer: Officer | None) -> FacilityDetail:
    """Return a facility with its officer, for who may see that."""
    shown = None
    if officer is not None:
        shown = OfficerOut(name=officer.name, phone=officer.phone or None, phone_reason=officer.phone_reason)
    return FacilityDetail(**facility_out(facility, tanks).model_dump(), officer=shown)


def status_out(status: Status, *, current: bool) -> StatusOut:
    """Return a status as the interface shows it."""
    return StatusOut(
        **{name: getattr(status, name) for name in StatusOut.model_fields if name != "current"},
        current=current,
    )
