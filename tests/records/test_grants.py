"""Grants, accounts within a scope, and personal data opened with a reason, on both databases."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from oxygen.errors import Rejected
from policy.permission import Grant, Scope
from policy.roles import ScopeKind
from records import accounts, audit, identity, migrate, permission
from records.database import Database, Transaction
from records.identity import passwords
from records.permission import View, Visible
from tests.records.conftest import OpenDatabase
from tests.records.scoped_world import CITY, NOW, PASSWORD, TODAY, build, visible


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),)))


@pytest.fixture
async def built(database: Database) -> Database:
    async with database.write() as tx:
        await build(tx)
    return database


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
    assert [(row["username"], row["role"], row["version"]) for row in rows] == [
        ("admin", "administrator", 3),
        ("lan", "viewer", 3),
    ]
    with pytest.raises(Rejected):
        async with database.write() as tx:
            await tx.execute(text("UPDATE account SET role = 'emperor'"))
