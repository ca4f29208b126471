"""What the registry is asked: who lacks a central system, who holds what, what is due, what lies where."""

from __future__ import annotations

import msgspec
from sqlalchemy import func, select

from policy.calibration import Calibration, CalibrationState, calibration
from records.database import Transaction
from records.registry import models
from records.registry.conversions import decide, steps
from records.registry.holdings import Body, Sensor, Supplier, SupplierSite, SupplyLink, VesselLot
from records.registry.services import entries
from records.registry.storing import all_entries
from records.registry.structs import Facility, Gateway
from records.units.tree import UnitTree


class DueInstrument(msgspec.Struct, frozen=True):
    """A gateway or sensor (`subject` is `gateway:CODE` or `sensor:CODE`) and its calibration."""

    subject: str
    facility: str
    calibration: Calibration


class VesselCount(msgspec.Struct, frozen=True):
    """Vessels of one kind and size: all of them, and those that count as medical on the day asked for."""

    kind: str
    shell_l: float
    count: int
    medical: int


class Source(msgspec.Struct, frozen=True):
    """Who supplies a facility, and from where when it is known."""

    link: SupplyLink
    supplier: Supplier
    site: SupplierSite | None


async def lacking_central_systems(tx: Transaction) -> tuple[Facility, ...]:
    """Return facilities with ICU beds that are not known to have both central oxygen and compressed air.

    A facility of which nobody said whether it has them is among them: unknown is not present.
    """
    facility = models.facility.c
    lacks = (facility.central_oxygen != "present") | (facility.central_air != "present")
    return await all_entries(tx, models.facility, Facility, facility.icu_beds > 0, lacks)


async def beds(tx: Transaction) -> tuple[int, int, int]:
    """Return ICU beds, general beds, and the facilities of which one of the two is not known."""
    facility = models.facility.c
    unknown = facility.icu_beds.is_(None) | facility.general_beds.is_(None)
    query = select(
        func.coalesce(func.sum(facility.icu_beds), 0).label("icu"),
        func.coalesce(func.sum(facility.general_beds), 0).label("general"),
        func.count().filter(unknown).label("unsaid"),
    ).where(facility.retired_us.is_(None))
    (row,) = await tx.rows(query)
    return int(row["icu"]), int(row["general"]), int(row["unsaid"])


async def instruments(tx: Transaction, *, today: str, only_due: bool = True) -> list[DueInstrument]:
    """Return instruments in use whose calibration is overdue, due soon or unknown, the longest overdue first.

    Those of unknown calibration come last, the valid ones only when asked for.
    """
    devices: list[tuple[str, Gateway | Sensor]] = [("gateway", each) for each in await entries(tx, Gateway)]
    devices += [("sensor", each) for each in await entries(tx, Sensor)]
    found = []
    for kind, each in devices:
        standing = calibration(each.calibrated_on, each.calibration_valid_months, today)
        if not only_due or standing.state is not CalibrationState.VALID:
            found.append(DueInstrument(f"{kind}:{each.code}", each.facility, standing))
    return sorted(found, key=lambda each: (each.calibration.due_on or "9999", each.subject))


async def vessels_of(tx: Transaction, facility: str, *, today: str) -> list[VesselCount]:
    """Return what a facility holds by kind and size; vessels of unproven conversion are not medical."""
    known = await steps(tx)
    counts: dict[tuple[str, float], tuple[int, int]] = {}
    for lot in await entries(tx, VesselLot):
        if lot.facility == facility:
            count, medical = counts.get((lot.kind, lot.shell_l), (0, 0))
            allowed = decide(lot, known, today=today).allowed
            counts[lot.kind, lot.shell_l] = (count + lot.count, medical + (lot.count if allowed else 0))
    return [VesselCount(kind, shell_l, *count) for (kind, shell_l), count in sorted(counts.items())]


async def sources_of(tx: Transaction, facility: str) -> list[Source]:
    """Return who supplies a facility, the main ones first."""
    suppliers = {each.code: each for each in await entries(tx, Supplier, with_retired=True)}
    sites = {each.code: each for each in await entries(tx, SupplierSite, with_retired=True)}
    links = [each for each in await entries(tx, SupplyLink) if each.facility == facility]
    links.sort(key=lambda each: (each.role != "main", each.code))
    return [Source(each, suppliers[each.supplier], sites.get(each.site or "")) for each in links]


async def reporting_line(tx: Transaction, facility: Facility) -> list[Body]:
    """Return the bodies that a facility reports to, the nearest first; empty when none is entered."""
    bodies = {each.code: each for each in await entries(tx, Body, with_retired=True)}
    line: list[Body] = []
    code = facility.body
    while code is not None and code in bodies and bodies[code] not in line:
        line.append(bodies[code])
        code = bodies[code].reports_to
    return line


async def facilities_in(tx: Transaction, tree: UnitTree, area: str, on: str) -> tuple[Facility, ...]:
    """Return the facilities in use whose place certainly lies in a unit on a day (for maps and alarms)."""
    all_of_them = await entries(tx, Facility)
    inside = tree.within(area, (each.unit for each in all_of_them if each.unit is not None), on)
    return tuple(each for each in all_of_them if each.unit in inside)


async def facilities_under(tx: Transaction, body: str) -> tuple[Facility, ...]:
    """Return the facilities in use that report to a body, directly or through bodies below it."""
    bodies = await entries(tx, Body, with_retired=True)
    below = {body}
    while more := {each.code for each in bodies if each.reports_to in below} - below:
        below |= more
    return tuple(each for each in await entries(tx, Facility) if each.body in below)
