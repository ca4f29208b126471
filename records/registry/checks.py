"""What an entry of the registry may be, asked before it is stored. Pure; every refusal names its field.

Each check raises Rejected `bad_value` with `field`, `value` and `expected`, or `bad_tank` from the physics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from oxygen.subjects import is_code
from oxygen.tank import Tank as PhysicalTank
from oxygen.tank import parse_geometry
from records.refusals import bad_value, check_code, check_one_of
from records.registry.holdings import Body, Sensor, Supplier, SupplierSite, SupplyLink, VesselLot
from records.registry.structs import ROLES, Bank, Facility, Gateway, SupplySystem, Tank
from records.units.parsing import is_day

FIRST_YEAR, LAST_YEAR = 1900, 2200
_MEMBERS = ("tank", "bank")


def check_facility(facility: Facility) -> None:
    """Refuse a shard that is no code, counts below 0, a place off the globe."""
    check_code("shard", facility.shard)
    _check_named(facility)
    _check_place(facility)
    for field in ("icu_beds", "general_beds", "oxygen_terminal_units", "air_terminal_units"):
        _check_at_least(field, getattr(facility, field), 0)
    for field in ("central_oxygen", "central_air"):
        check_one_of(field, getattr(facility, field), ("present", "absent", "unknown"))
        year = getattr(facility, f"{field}_year")
        if year is not None and not FIRST_YEAR <= year <= LAST_YEAR:
            raise bad_value(f"{field}_year", year, f"{FIRST_YEAR}…{LAST_YEAR}")


def check_gateway(gateway: Gateway | Sensor) -> None:
    """Refuse days that are none, and a calibration that counts for no time."""
    for field in ("installed_on", "calibrated_on"):
        check_day(field, getattr(gateway, field))
    _check_at_least("calibration_valid_months", gateway.calibration_valid_months, 1)


def check_tank(tank: Tank) -> None:
    """Refuse physics that cannot be."""
    if not tank.working_pressure_pa > 0:
        raise bad_value("working_pressure_pa", tank.working_pressure_pa, "> 0")
    if not 0 <= tank.heel_fraction < tank.fill_limit_fraction <= 1:
        raise bad_value("heel_fraction", tank.heel_fraction, "0 ≤ heel_fraction < fill_limit_fraction ≤ 1")
    if not tank.expected_every_s > 0:
        raise bad_value("expected_every_s", tank.expected_every_s, "> 0")
    check_one_of("gas_service", tank.gas_service, ("medical", "industrial"))
    check_day("industrial_since", tank.industrial_since)


def check_tank_physics(tank: Tank) -> None:
    """Refuse a tank that nobody could weigh (Rejected `bad_tank`, naming the field)."""
    PhysicalTank(
        code=tank.code,
        facility=tank.facility,
        geometry=parse_geometry(tank.geometry),
        working_pressure_pa=tank.working_pressure_pa,
        fill_limit_fraction=tank.fill_limit_fraction,
        heel_fraction=tank.heel_fraction,
        lead_time_h=tank.lead_time_h,
    )


def check_bank(bank: Bank) -> None:
    """Refuse a bank of nothing."""
    for field in ("cylinder_count", "shell_l", "full_pressure_pa"):
        _check_above_0(field, getattr(bank, field))


def check_system(system: SupplySystem) -> None:
    """Refuse members that are no tank or bank, or that stand twice, and an unknown part or way to switch."""
    check_one_of("switching", system.switching, ("automatic", "manual", "parallel"))
    seen: set[str] = set()
    for member in system.members:
        kind, _, code = member.subject.partition(":")
        if kind not in _MEMBERS or not is_code(code):
            raise bad_value("members", member.subject, "tank:CODE | bank:CODE")
        if member.subject in seen:
            raise bad_value("members", member.subject, "once")
        check_one_of("members", member.role, ROLES)
        _check_at_least("members", member.order, 0)
        seen.add(member.subject)


def check_body(body: Body) -> None:
    """Refuse an unknown kind, and a body above itself."""
    check_one_of("kind", body.kind, ("doh", "moh", "ministry_health_service", "other"))
    _check_named(body)
    if body.reports_to == body.code:
        raise bad_value("reports_to", body.code, "another body")


def check_supplier(supplier: Supplier) -> None:
    """Refuse a supplier without a name."""
    _check_named(supplier)


def check_site(site: SupplierSite) -> None:
    """Refuse an unknown kind, a place off the globe, and less capacity at most than normally."""
    check_one_of("kind", site.kind, ("plant", "dealer", "filling_station"))
    check_one_of("gas_service", site.gas_service, ("medical", "industrial"))
    _check_named(site)
    _check_place(site)
    for field in ("normal_kg_per_day", "max_kg_per_day"):
        _check_at_least(field, getattr(site, field), 0)
    normal, most = site.normal_kg_per_day, site.max_kg_per_day
    if normal is not None and most is not None and normal > most:
        raise bad_value("max_kg_per_day", most, "≥ normal_kg_per_day")


def check_link(link: SupplyLink) -> None:
    """Refuse an unknown part."""
    check_one_of("role", link.role, ("main", "backup"))


def check_sensor(sensor: Sensor) -> None:
    """Refuse an unknown kind, and what is refused for a gateway."""
    kinds = ("differential_pressure", "pressure", "weight", "level", "flow", "temperature")
    check_one_of("kind", sensor.kind, kinds)
    check_gateway(sensor)


def check_lot(lot: VesselLot) -> None:
    """Refuse a lot that nobody holds, or two do, and one without a size."""
    check_one_of("kind", lot.kind, ("cylinder", "portable_liquid"))
    check_one_of("gas_service", lot.gas_service, ("medical", "industrial"))
    _check_above_0("shell_l", lot.shell_l)
    _check_at_least("count", lot.count, 0)
    if lot.full_pressure_pa is not None:
        _check_above_0("full_pressure_pa", lot.full_pressure_pa)
    if (lot.facility is None) == (lot.site is None):
        raise bad_value("facility", lot.facility or "", "facility | site")
    check_day("industrial_since", lot.industrial_since)


def check_day(field: str, value: str | None) -> None:
    """Raise Rejected unless a value is absent or a day."""
    if value is not None and not is_day(value):
        raise bad_value(field, value, "YYYY-MM-DD")


CHECKS: dict[type, Callable[[Any], None]] = {
    Facility: check_facility,
    Gateway: check_gateway,
    Tank: check_tank,
    Bank: check_bank,
    SupplySystem: check_system,
    Body: check_body,
    Supplier: check_supplier,
    SupplierSite: check_site,
    SupplyLink: check_link,
    Sensor: check_sensor,
    VesselLot: check_lot,
}
"""The check of every kind of entry."""


def _check_named(entry: Facility | Body | Supplier | SupplierSite) -> None:
    if not entry.name_vi.strip():
        raise bad_value("name_vi", entry.name_vi, "a name")


def _check_place(entry: Facility | SupplierSite) -> None:
    for field, most in (("latitude", 90), ("longitude", 180)):
        value = getattr(entry, field)
        if value is not None and not -most <= value <= most:
            raise bad_value(field, value, f"-{most}…{most}")
    if (entry.latitude is None) != (entry.longitude is None):
        raise bad_value("longitude", entry.longitude, "latitude + longitude")


def _check_at_least(field: str, value: float | None, least: float) -> None:
    if value is not None and not least <= value < math.inf:
        raise bad_value(field, value, f"≥ {least}")


def _check_above_0(field: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise bad_value(field, value, "> 0")
