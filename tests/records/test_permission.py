"""Grants in the records, and queries that show a visitor nothing but what its grants name."""

from __future__ import annotations

import asyncio
from datetime import date

import msgspec
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, text

from oxygen.errors import Rejected
from policy.permission import Grant, Scope, Visitor
from policy.roles import ScopeKind
from records import (
    accounts,
    alarms,
    audit,
    identity,
    messages,
    migrate,
    permission,
    registry,
    reports,
    status,
    units,
)
from records.audit.models import audit as audit_table
from records.database import Database, Transaction
from records.identity import passwords
from records.messages import Contact, OutboxItem
from records.permission import View, Visible, WhereaboutsCache
from records.registry import Body, Facility, Gateway, Tank
from records.status import TankDay
from records.units import Unit, UnitFile
from tests.records import samples
from tests.records.conftest import OpenDatabase

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


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),)))


@pytest.fixture
async def built(database: Database) -> Database:
    async with database.write() as tx:
        await build(tx)
    return database


async def visible(tx: Transaction, role: str, kind: str = "all", code: str = "") -> Visible:
    held = Visitor((Grant(role, Scope(ScopeKind(kind), code)),))
    return Visible(held, await permission.whereabouts(tx, TODAY))


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


async def person(tx: Transaction, name: str, *grants: Grant) -> identity.User:
    user = await identity.create_user(tx, username=name, password=PASSWORD, actor="test", now_us=1)
    for grant in grants:
        await permission.appoint(tx, user.id, grant, actor="test", reason="test", now_us=1)
    return user


def at(role: str, facility: str, **validity: int) -> Grant:
    return Grant(role, Scope(ScopeKind.FACILITY, facility), **validity)


async def test_a_grant_is_given_once_ends_with_its_time_and_can_be_given_again(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "administrator")
        user = await person(tx, "lan")
        wanted = at("viewer", "bv-175", valid_from_us=10, valid_to_us=100)

        async def give(now_us: int, **validity: int) -> permission.GrantRow:
            grant = msgspec.structs.replace(wanted, **validity)
            return await permission.issue(tx, by, user.id, grant, actor="admin", reason="trực", now_us=now_us)

        first, again = await give(10), await give(20)
        assert first == again
        assert [len((await permission.visitor_of(tx, user.id, t)).grants) for t in (9, 10, 99, 100)] == [
            0,
            1,
            1,
            0,
        ]
        later = await give(200, valid_from_us=200, valid_to_us=300)
        assert later.id != first.id
        assert await permission.roles_of(tx, user.id, 250) == {"viewer"}
    async with built.read() as tx:
        told = await audit.entries(tx, action="grant.issue", actor="admin")

    assert [entry.reason for entry in told] == ["trực", "trực"]


async def test_revoking_ends_at_once_and_is_told(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "facility_admin", "facility", "bv-175")
        user = await person(tx, "lan", at("viewer", "bv-175"))
        (held,) = await permission.grants_of(tx, user.id)
        ended = await permission.revoke(tx, by, held.id, actor="chi", reason="nghỉ việc", now_us=50)
        assert await permission.revoke(tx, by, held.id, actor="chi", reason="lại", now_us=60) == ended
        assert await permission.roles_of(tx, user.id, 50) == frozenset()
        (told,) = await audit.entries(tx, action="grant.revoke")

    assert (ended.revoked_us, ended.revoked_by, ended.revoke_reason) == (50, "chi", "nghỉ việc")
    assert (told.reason, told.detail["role"]) == ("nghỉ việc", "viewer")


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        (at("facility", "bv-175"), "scope_not_found"),
        (at("facility", "bv-khong-co"), "scope_not_found"),
        (Grant("viewer", Scope(ScopeKind.ALL)), "scope_not_found"),
        (Grant("viewer", Scope(ScopeKind.UNIT, CITY)), "scope_not_found"),
        (at("auditor", "bv-cho-lon"), "more_than_held"),
        (at("administrator", "bv-cho-lon"), "bad_value"),
        (at("emperor", "bv-cho-lon"), "bad_value"),
        (Grant("viewer", Scope(ScopeKind.FACILITY, "")), "bad_value"),
        (Grant("viewer", Scope(ScopeKind.ALL, "x")), "bad_value"),
        (at("viewer", "bv-cho-lon", valid_from_us=10, valid_to_us=10), "bad_value"),
    ],
)
async def test_nobody_gives_more_than_they_hold(built: Database, grant: Grant, code: str) -> None:
    async with built.write() as tx:
        by = await visible(tx, "facility_admin", "facility", "bv-cho-lon")
        user = await person(tx, "lan")
        with pytest.raises(Rejected) as caught:
            await permission.issue(tx, by, user.id, grant, actor="chi", reason="vì", now_us=NOW)
        assert caught.value.code == code
        assert await permission.grants_of(tx, user.id) == []


async def test_a_grant_and_its_end_need_a_reason(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "administrator")
        user = await person(tx, "lan", at("viewer", "bv-175"))
        (held,) = await permission.grants_of(tx, user.id)
        for change in (
            permission.issue(tx, by, user.id, at("viewer", "bv-175"), actor="a", reason=" ", now_us=1),
            permission.revoke(tx, by, held.id, actor="a", reason="", now_us=1),
        ):
            with pytest.raises(Rejected) as caught:
                await change
            assert caught.value.code == "reason_missing"


async def test_a_grant_over_what_is_gone_can_be_taken_back_and_not_given(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "administrator")
        user = await person(tx, "lan", at("viewer", "bv-da-dong-cua"))
        (held,) = await permission.grants_of(tx, user.id)
        await permission.revoke(tx, by, held.id, actor="admin", reason="đóng cửa", now_us=NOW)
        with pytest.raises(Rejected) as caught:
            await permission.issue(tx, by, user.id, held.grant, actor="admin", reason="x", now_us=NOW)
    assert caught.value.code == "scope_not_found"


async def test_a_foreign_grant_does_not_exist_for_who_would_revoke_it(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "facility_admin", "facility", "bv-cho-lon")
        user = await person(tx, "lan", at("viewer", "bv-175"))
        (held,) = await permission.grants_of(tx, user.id)
        for number in (held.id, 999):
            with pytest.raises(Rejected) as caught:
                await permission.revoke(tx, by, number, actor="chi", reason="vì", now_us=NOW)
            assert caught.value.code == "not_found"


EVERYTHING = Grant("administrator", permission.EVERYTHING)


async def test_the_last_administrator_stays(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "administrator")
        first, second = await person(tx, "first", EVERYTHING), await person(tx, "second", EVERYTHING)
        (held,) = await permission.grants_of(tx, first.id)
        await permission.revoke(tx, by, held.id, actor="second", reason="vì", now_us=NOW)
        (last,) = await permission.grants_of(tx, second.id)
        for change in (
            permission.revoke(tx, by, last.id, actor="second", reason="vì", now_us=NOW),
            accounts.close_account(tx, by, second.id, reason="vì", actor="second", now_us=NOW),
        ):
            with pytest.raises(Rejected) as caught:
                await change
            assert caught.value.code == "last_administrator"


async def test_two_administrators_who_remove_each_other_at_once_do_not_both_succeed(built: Database) -> None:
    async with built.write() as tx:
        users = [await person(tx, name, EVERYTHING) for name in ("first", "second")]
        held = [(await permission.grants_of(tx, user.id))[0].id for user in users]

    async def take(number: int) -> None:
        async with built.write() as tx:
            by = await visible(tx, "administrator")
            await permission.revoke(tx, by, number, actor="other", reason="vì", now_us=NOW)

    outcomes = await asyncio.gather(*(take(number) for number in held), return_exceptions=True)

    assert sum(outcome is None for outcome in outcomes) == 1
    async with built.read() as tx:
        left = [row for rows in (await permission.all_grants(tx)).values() for row in rows]
    assert [row.revoked_us for row in left].count(None) == 1


async def test_a_facilitys_own_administrator_keeps_its_own_people_and_sees_no_others(built: Database) -> None:
    async with built.write() as tx:
        nurse = await person(tx, "y-ta", at("facility", "bv-cho-lon"))
        foreign = await person(tx, "nguoi-la", at("facility", "bv-175"))
        both = await person(tx, "hai-noi", at("facility", "bv-cho-lon"), at("facility", "bv-175"))
        chief = await person(tx, "truong", at("viewer", "bv-cho-lon"), EVERYTHING)
        await person(tx, "chua-co-quyen")
        by = await visible(tx, "facility_admin", "facility", "bv-cho-lon")
        found = {each.user.username: each for each in await accounts.kept_accounts(tx, by, NOW)}

        assert {name: each.changeable for name, each in found.items()} == {
            "y-ta": True,
            "hai-noi": False,
            "truong": False,
        }
        assert [row.grant for row in found["truong"].grants] == [at("viewer", "bv-cho-lon")]

        async def reset(user: identity.User) -> None:
            await accounts.renew_password(
                tx, by, user.id, password="mot lan thoi nhe", actor="chi", now_us=NOW
            )

        await reset(nurse)
        for user, code in ((foreign, "not_found"), (both, "not_allowed"), (chief, "not_allowed")):
            with pytest.raises(Rejected) as caught:
                await reset(user)
            assert caught.value.code == code


async def test_a_successor_gets_the_same_rights_and_the_old_account_closes(built: Database) -> None:
    async with built.write() as tx:
        by = await visible(tx, "facility_admin", "facility", "bv-cho-lon")
        old = await person(tx, "cu", at("facility", "bv-cho-lon"), at("viewer", "bv-cho-lon", valid_to_us=9))
        session = await identity.sign_in(tx, "cu", PASSWORD, now_us=NOW, lifetime_s=60.0)
        assert session is not None
        new = await accounts.replace_account(
            tx,
            by,
            old.id,
            username="Moi",
            password="mot lan thoi nhe",
            reason="chuyển công tác",
            actor="chi",
            now_us=NOW,
        )

        assert (new.username, new.must_change) == ("moi", True)
        assert [row.grant for row in await permission.grants_of(tx, new.id)] == [at("facility", "bv-cho-lon")]
        assert await identity.session_user(tx, session.token, NOW) is None
        assert await identity.sign_in(tx, "cu", PASSWORD, now_us=NOW, lifetime_s=60.0) is None


@pytest.mark.parametrize("username", ["ab", "có dấu", "a b c", "../etc", "", "x" * 65])
async def test_a_username_is_something_that_can_be_typed_anywhere(built: Database, username: str) -> None:
    async with built.write() as tx:
        by = await visible(tx, "administrator")
        with pytest.raises(Rejected) as caught:
            await accounts.open_account(
                tx,
                by,
                username=username,
                password="mot lan thoi nhe",
                locale="vi",
                grant=at("viewer", "bv-175"),
                reason="mới",
                actor="admin",
                now_us=NOW,
            )
    assert caught.value.code == "username_not_understood"


async def test_glass_is_broken_with_a_reason_for_a_while_and_on_record(built: Database) -> None:
    reason = "Cấp cứu hàng loạt, cần gọi người trực"
    async with built.write() as tx:
        user = await person(tx, "bo", Grant("national", permission.EVERYTHING))
        where = await permission.whereabouts(tx, TODAY)
        closed = Visible(await permission.visitor_of(tx, user.id, NOW), where)
        scope = Scope(ScopeKind.FACILITY, "bv-cho-lon")
        hidden = View(tx, closed).facility("bv-cho-lon")
        assert hidden is not None
        assert (hidden.name_vi, hidden.officer_name, hidden.officer_phone) == ("Chợ Lớn", "", "")
        assert await permission.officer_of(tx, closed, "bv-cho-lon", viewer="bo", now_us=NOW) is None

        glass = await permission.break_glass(
            tx, closed, user.id, scope, reason=reason, minutes=15, actor="bo", now_us=NOW
        )
        held = await permission.visitor_of(tx, user.id, NOW)
        officer = await permission.officer_of(tx, Visible(held, where), "bv-cho-lon", viewer="bo", now_us=NOW)
        assert officer is not None
        assert officer.name == "Lan"
        told = {entry.action: entry for entry in await audit.entries(tx, actor="bo")}
        assert told["personal.open"].reason == reason
        assert (told["personal.view"].subject, told["personal.view"].reason) == (
            "facility:bv-cho-lon",
            "broken_glass",
        )
        assert glass.expires_us == NOW + 15 * 60 * 1_000_000
        assert (await permission.visitor_of(tx, user.id, glass.expires_us)).broken_glass == ()

        await permission.mend_glass(tx, user.id + 1, glass.id, actor="khac", now_us=NOW)
        assert await permission.opened_glass(tx, user.id, NOW)
        await permission.mend_glass(tx, user.id, glass.id, actor="bo", now_us=NOW)
        assert await permission.opened_glass(tx, user.id, NOW) == []


@pytest.mark.parametrize(
    ("role", "changes", "code"),
    [
        ("national", {"reason": "vì thế"}, "reason_too_short"),
        ("national", {"minutes": 0}, "bad_value"),
        ("national", {"minutes": 61}, "bad_value"),
        ("national", {"scope": Scope(ScopeKind.FACILITY, "bv-khong-co")}, "not_found"),
        ("viewer", {}, "not_allowed"),
        ("auditor", {}, "not_found"),
    ],
)
async def test_glass_does_not_break_without_reason_time_and_right(
    built: Database, role: str, changes: dict[str, object], code: str
) -> None:
    async with built.write() as tx:
        user = await person(tx, "bo")
        by = await visible(tx, role)
        asked = {
            "scope": Scope(ScopeKind.FACILITY, "bv-175"),
            "reason": "một lý do đủ dài",
            "minutes": 5,
        } | changes
        with pytest.raises(Rejected) as caught:
            await permission.break_glass(
                tx,
                by,
                user.id,
                asked["scope"],  # type: ignore[arg-type]  # of the type given above
                reason=str(asked["reason"]),
                minutes=int(str(asked["minutes"])),
                actor="bo",
                now_us=NOW,
            )
    assert caught.value.code == code


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


async def test_roles_of_before_become_grants_and_roles_again(
    empty_url: str, open_database: OpenDatabase
) -> None:
    before, after = "0008_units_and_registry", "0009_grants"
    await migrate.upgrade(empty_url, before)
    database = open_database(empty_url)
    async with database.write() as tx:
        for name, role in (("admin", "administrator"), ("lan", "viewer")):
            columns = "username, password_hash, role, locale, must_change, active, version"
            values = f"'{name}', 'x', '{role}', 'vi', false, true, 3"
            await tx.execute(text(f"INSERT INTO account ({columns}) VALUES ({values})"))
    await database.close()

    await migrate.upgrade(empty_url, after)
    database = open_database(empty_url)
    async with database.write() as tx:
        held = await permission.all_grants(tx)
        assert [
            [(row.grant.role, row.grant.scope.kind.value, row.in_force(1)) for row in rows]
            for _, rows in sorted(held.items())
        ] == [[("administrator", "all", True)], [("viewer", "all", True)]]
        await permission.appoint(tx, 2, at("facility", "bv-175"), actor="a", reason="b", now_us=1)
    await database.close()

    await migrate.downgrade(empty_url, before)
    database = open_database(empty_url)
    async with database.read() as tx:
        rows = await tx.rows(text("SELECT username, role, version FROM account ORDER BY id"))
    assert [tuple(row.values()) for row in rows] == [("admin", "administrator", 3), ("lan", "viewer", 3)]
    with pytest.raises(Rejected):
        async with database.write() as tx:
            await tx.execute(text("UPDATE account SET role = 'emperor'"))
