"""Three hospitals in two provinces, one of them a ministry's, with something of every kind to be seen."""

from __future__ import annotations

from datetime import date

import msgspec

from policy.permission import Grant, Scope, Visitor
from policy.roles import ScopeKind
from records import alarms, messages, permission, registry, reports, status, units
from records.database import Transaction
from records.messages import Contact
from records.permission import Visible
from records.registry import Facility, Gateway, Tank
from records.status import TankDay
from records.units import Unit, UnitFile
from tests.records import samples

TODAY = date(2026, 11, 21)
NOW = 1_000_000
PASSWORD = "mot mat khau rieng"
GEOMETRY = samples.TANK.geometry
CITY, PROVINCE = "79", "74"
HOSPITALS = (
    Facility("bv-cho-lon", "Chợ Lớn", "Cho Lon", "hcm", place="quan-5", officer_name="Lan"),
    Facility("bv-175", "Quân y 175", "Military 175", "hcm", place=CITY, governing_body="bo-quoc-phong"),
    Facility("bv-binh-duong", "Bình Dương", "Binh Duong", "bdg", place=PROVINCE),
)
UNITS = UnitFile(
    (
        Unit(CITY, "province", "thanh-pho", "Thành phố Hồ Chí Minh", "HCMC", "2021-01-01"),
        Unit("quan-5", "district", "quan", "Quận 5", "District 5", "2021-01-01", CITY),
        Unit(PROVINCE, "province", "tinh", "Bình Dương", "Binh Duong Province", "2021-01-01"),
    )
)
MERGER = UnitFile(
    (
        msgspec.structs.replace(UNITS.units[0], valid_to="2025-07-01", successors=("79-2025",)),
        msgspec.structs.replace(UNITS.units[1], valid_to="2025-07-01"),
        msgspec.structs.replace(UNITS.units[2], valid_to="2025-07-01", successors=("79-2025",)),
        Unit("79-2025", "province", "thanh-pho", "Thành phố Hồ Chí Minh", "HCMC", "2025-07-01"),
    )
)


def tank_of(facility: str) -> Tank:
    code = facility.removeprefix("bv-")
    return Tank(
        f"{code}-1",
        facility,
        "Bồn",
        "Tank",
        GEOMETRY,
        1e6,
        gateway=f"gw-{code}",
        supplier=f"khi-{code}",
    )


async def build(tx: Transaction) -> None:
    """Three hospitals, each with a tank, a status, a day, an alarm with its message, a contact, a report."""
    await units.import_units(tx, UNITS, actor="test", now_us=1)
    for hospital in HOSPITALS:
        code, tank = hospital.code, tank_of(hospital.code)
        await registry.put_facility(tx, hospital, actor="test", now_us=1)
        await registry.put_gateway(tx, Gateway(tank.gateway or "", code), actor="test", now_us=1)
        await registry.put_tank(tx, tank, actor="test", now_us=1)
        newest = msgspec.structs.replace(samples.status(tank.subject), facility=code)
        await status.append_statuses(tx, hospital.shard, [newest], late=False, written_us=1)
        await status.put_tank_days(tx, [TankDay(tank.subject, "2026-11-20", code, opening_kg=1.0)], 1)
        await reports.save_report(tx, code, "2026-11-20", 0, {}, "draft", "lan", 1)
        contact = await messages.put_contact(
            tx, Contact(f"Trực {code}", "email", f"{code}@x.example", code), actor="test", now_us=1
        )
        raised = await alarms.open_alarm(
            tx,
            subject=tank.subject,
            facility=code,
            rule="low_stock",
            rule_version=1,
            severity="urgent",
            at_us=1,
            params={},
        )
        item = msgspec.structs.replace(samples.message(code), alarm_id=raised.id, contact_id=contact.id)
        await messages.enqueue(tx, [item])
    everybody = Contact("Tổng đài", "email", "all@x.example", None)
    await messages.put_contact(tx, everybody, actor="test", now_us=1)


async def visible(tx: Transaction, role: str, kind: str = "all", code: str = "") -> Visible:
    held = Visitor((Grant(role, Scope(ScopeKind(kind), code)),))
    return Visible(held, await permission.whereabouts(tx, TODAY))
