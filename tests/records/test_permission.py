"""Queries that show a visitor nothing but what its grants name, on both databases."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from policy.permission import Visitor
from records import alarms, audit, messages, permission, registry, units
from records.audit.models import audit as audit_table
from records.database import Database, Transaction
from records.messages import OutboxItem
from records.permission import View, Visible, WhereaboutsCache
from records.registry import Body
from tests.records.scoped_world import CITY, HOSPITALS, MERGER, PROVINCE, TODAY, build, visible


@pytest.fixture
async def built(database: Database) -> Database:
    async with database.write() as tx:
        await build(tx)
    return database


async def seen(tx: Transaction, by: Visible) -> dict[str, set[str]]:
    """The hospitals that each kind of question gives away."""
    view = View(tx, by)
    found = {
        "facilities": {each.code for each in view.registry.facilities},
        "tanks": {each.facility for each in view.registry.tanks},
        "statuses": {row.status.facility for row in await view.statuses()},
        "days": {day.facility for day in await view.tank_days(since="2026-01-01", until="2026-12-31")},
        "alarms": {one.facility for one in await view.alarms()},
        "contacts": {one.facility or "all" for one in await view.contacts()},
        "messages": {row.key for row in await view.outbox()},
        "reports": {one.facility for one in await view.reports("2026-01-01", "2026-12-31")},
    }
    return {kind: codes for kind, codes in found.items() if codes}


ALL = {each.code for each in HOSPITALS}
IN_THE_CITY = {"bv-cho-lon", "bv-175"}


@pytest.mark.parametrize(
    ("role", "kind", "code", "expected"),
    [
        (
            "administrator",
            "all",
            "",
            {
                "facilities": ALL,
                "tanks": ALL,
                "statuses": ALL,
                "days": ALL,
                "alarms": ALL,
                "contacts": {*ALL, "all"},
                "messages": ALL,
                "reports": ALL,
            },
        ),
        (
            "doh",
            "unit",
            CITY,
            {
                "facilities": IN_THE_CITY,
                "tanks": IN_THE_CITY,
                "statuses": IN_THE_CITY,
                "days": IN_THE_CITY,
                "alarms": IN_THE_CITY,
                "contacts": IN_THE_CITY,
                "messages": IN_THE_CITY,
                "reports": {"bv-cho-lon"},
            },
        ),
        (
            "district",
            "unit",
            "quan-5",
            {kind: {"bv-cho-lon"} for kind in ("facilities", "tanks", "statuses", "days", "alarms")},
        ),
        (
            "ministry_health_service",
            "body",
            "bo-quoc-phong",
            {
                kind: {"bv-175"}
                for kind in (
                    "facilities",
                    "tanks",
                    "statuses",
                    "days",
                    "alarms",
                    "contacts",
                    "messages",
                    "reports",
                )
            },
        ),
        (
            "technician",
            "gateway",
            "gw-175",
            {kind: {"bv-175"} for kind in ("facilities", "tanks", "statuses", "days", "alarms")},
        ),
        (
            "supplier",
            "supplier",
            "khi-binh-duong",
            {kind: {"bv-binh-duong"} for kind in ("facilities", "tanks", "statuses", "days")},
        ),
        ("auditor", "all", "", {}),
        ("viewer", "unit", "no-such-unit", {}),
        ("viewer", "facility", "bv-khong-co", {}),
    ],
)
async def test_every_question_is_answered_within_the_scope(
    built: Database, role: str, kind: str, code: str, expected: dict[str, set[str]]
) -> None:
    async with built.read() as tx:
        assert await seen(tx, await visible(tx, role, kind, code)) == expected


async def test_who_holds_nothing_sees_nothing(built: Database) -> None:
    async with built.read() as tx:
        nobody = Visible(Visitor(), await permission.whereabouts(tx, TODAY))
        assert await seen(tx, nobody) == {}


async def test_reports_go_up_the_line_of_governing_bodies(built: Database) -> None:
    """A body above sees what reports to those below it; a department's area is its reporting line."""
    async with built.write() as tx:
        for body in (
            Body("bo-y-te", "moh", "Bộ Y tế", "Ministry of Health"),
            Body("syt-79", "doh", "Sở Y tế", "DOH", area=CITY, reports_to="bo-y-te"),
        ):
            await registry.put(tx, body, actor="test", now_us=2)
        moved = msgspec.structs.replace(HOSPITALS[0], body="syt-79", unit="quan-5")
        await registry.put_facility(tx, moved, actor="test", now_us=2)
    async with built.read() as tx:

        async def reports_of(kind: str, code: str) -> set[str]:
            return (await seen(tx, await visible(tx, "viewer", kind, code))).get("reports", set())

        assert await reports_of("body", "bo-y-te") == {"bv-cho-lon"}
        assert await reports_of("body", "syt-79") == {"bv-cho-lon"}
        assert await reports_of("unit", CITY) == {"bv-cho-lon"}
        assert await reports_of("unit", "quan-5") == set()


async def test_single_objects_outside_the_scope_do_not_exist(built: Database) -> None:
    async with built.read() as tx:
        view = View(tx, await visible(tx, "facility_admin", "facility", "bv-cho-lon"))
        foreign = next(one for one in await alarms.alarms(tx) if one.facility == "bv-175")

        assert view.facility("bv-cho-lon") is not None
        assert view.facility("bv-175") is None
        assert view.tank("175-1") is None
        assert await view.status("tank:175-1") is None
        assert await view.alarm(foreign.id) is None
        assert await view.report_versions("bv-175", "2026-11-20") == []
        assert view.reported_tanks("bv-175") == ()
        assert await view.contact(2, "contacts:write") is None
        assert await view.received_mails() == []


async def test_a_merger_of_provinces_takes_nobodys_view_away(built: Database) -> None:
    """The merged province sees both; those of before see what they saw; no shard changes."""
    async with built.write() as tx:
        before = {each.code: each.shard for each in (await registry.registry(tx)).facilities}
        await units.import_units(tx, MERGER, actor="test", now_us=2)
    async with built.read() as tx:
        after = await registry.registry(tx)
        found = {
            code: (await seen(tx, await visible(tx, "doh", "unit", code)))["facilities"]
            for code in (CITY, PROVINCE, "79-2025")
        }

    assert found == {CITY: IN_THE_CITY, PROVINCE: {"bv-binh-duong"}, "79-2025": ALL}
    assert {each.code: each.shard for each in after.facilities} == before


async def test_the_kept_whereabouts_follow_the_registry(built: Database) -> None:
    cache = WhereaboutsCache()
    async with built.read() as tx:
        first = await cache.at(tx, TODAY)
        assert await cache.at(tx, TODAY) is first
    async with built.write() as tx:
        moved = msgspec.structs.replace(HOSPITALS[2], place="quan-5")
        await registry.put_facility(tx, moved, actor="test", now_us=2)
    async with built.read() as tx:
        where = await cache.at(tx, TODAY)

    assert where is not first
    assert CITY in where.facility("bv-binh-duong").place_units


async def test_audit_rows_of_a_facility_are_those_of_what_it_has(built: Database) -> None:
    async with built.write() as tx:
        for subject in ("user:lan", "grant:1", "report:bv-cho-lon-2/2026-11-20"):
            await audit.record(tx, at_us=1, actor="x", action="test", subject=subject)
        one = next(one for one in await alarms.alarms(tx) if one.facility == "bv-cho-lon")
        await alarms.acknowledge(tx, one.id, actor="lan", now_us=2)
    async with built.read() as tx:
        by = await visible(tx, "auditor", "facility", "bv-cho-lon")
        condition = permission.audit_filter(by, audit_table.c.subject)
        rows = await tx.rows(select(audit_table.c.subject).where(condition).distinct())

    assert {row["subject"] for row in rows} == {
        "facility:bv-cho-lon",
        "gateway:gw-cho-lon",
        "tank:cho-lon-1",
        "contact:1",
        f"alarm:{one.id}",
        "report:bv-cho-lon/2026-11-20",
    }


async def test_to_whom_a_message_went_is_not_for_who_may_not_see_addresses(built: Database) -> None:
    async with built.write() as tx:
        item = OutboxItem("k", "email", "a@x.example", "vi", "t", {}, 1, contact_id=4)
        await messages.enqueue(tx, [item])
    async with built.read() as tx:
        admin = View(tx, await visible(tx, "administrator"))
        one = (await admin.alarms())[0]
        assert [row.address for row in await admin.deliveries(one)] == ["truc@bv.example"]
        viewer = View(tx, await visible(tx, "viewer"))
        assert [row.address for row in await viewer.deliveries(one)] == [""]
        own = View(tx, await visible(tx, "facility_admin", "facility", one.facility))
        assert {row.key for row in await own.outbox()} == {one.facility}
        assert all(contact.secret is None for contact in await admin.contacts())
