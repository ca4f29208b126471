"""Accounts: a one-time password, sessions that end at once, and guessing that gets slow."""

from __future__ import annotations

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from records import audit, identity, permission
from records.database import Database, Transaction
from records.identity import passwords
from records.identity.throttle import FREE_ATTEMPTS, LONGEST_WAIT_S, wait_s

HOUR = 3600.0
PASSWORD = "bồn oxy số một"
CHOSEN = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little memory and time: these tests sign in dozens of times."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),)))


async def sign_in(
    tx: Transaction, password: str, *, username: str = "admin", now_us: int = 0, address: str = "10.0.0.1"
) -> identity.SessionToken | None:
    return await identity.sign_in(tx, username, password, now_us=now_us, lifetime_s=HOUR, address=address)


async def fail(database: Database, times: int, *, now_us: int = 0, username: str = "admin") -> None:
    for _ in range(times):
        async with database.write() as tx:
            assert await sign_in(tx, "wrong", now_us=now_us, username=username) is None


async def viewer(tx: Transaction, username: str = "lan") -> identity.User:
    return await identity.create_user(
        tx, username=username, password=PASSWORD, role="viewer", actor="admin", now_us=1
    )


async def test_the_one_time_password_is_renewed_until_it_is_used_and_never_after(database: Database) -> None:
    async with database.write() as tx:
        assert await identity.ensure_administrator(tx, password="first one-time", now_us=1)
        assert await identity.ensure_administrator(tx, password="second one-time", now_us=2)
        assert await sign_in(tx, "first one-time") is None
        session = await sign_in(tx, "second one-time")
        assert session is not None
        assert session.must_change
        who = await identity.session_user(tx, session.token, 5)
        assert who is not None
        assert (who.username, who.must_change) == ("admin", True)
        assert await permission.roles_of(tx, who.user_id, 5) == {"administrator"}

        await identity.change_password(
            tx, who.user_id, "second one-time", CHOSEN, now_us=6, keep_token=session.token
        )
        assert not await identity.ensure_administrator(tx, password="third one-time", now_us=7)
        assert await sign_in(tx, "third one-time") is None
        chosen = await sign_in(tx, CHOSEN)

    assert chosen is not None
    assert not chosen.must_change


async def test_renewing_the_one_time_password_ends_sessions_opened_with_the_earlier(
    database: Database,
) -> None:
    async with database.write() as tx:
        await identity.ensure_administrator(tx, password="first one-time", now_us=1)
        session = await sign_in(tx, "first one-time")
        assert session is not None
        await identity.ensure_administrator(tx, password="second one-time", now_us=2)

        assert await identity.session_user(tx, session.token, 5) is None


async def test_an_organisation_with_accounts_gets_no_new_administrator(database: Database) -> None:
    async with database.write() as tx:
        await viewer(tx)
        assert not await identity.ensure_administrator(tx, password="some one-time", now_us=1)
        assert [user.username for user in await identity.users(tx)] == ["lan"]


async def test_neither_password_nor_token_is_stored_in_clear(database: Database) -> None:
    async with database.write() as tx:
        await viewer(tx)
        session = await sign_in(tx, PASSWORD, username="lan")
        assert session is not None
        stored = [
            str(tuple(row.values()))
            for table in ("account", "account_session", "audit")
            for row in await tx.rows(text(f"SELECT * FROM {table}"))
        ]

    assert len(stored) == 5
    assert not any(secret in row for row in stored for secret in (PASSWORD, session.token))
    assert any("$argon2id$" in row for row in stored)


async def test_usernames_do_not_depend_on_case_and_are_unique(database: Database) -> None:
    async with database.write() as tx:
        await viewer(tx, " Lan ")
        assert await sign_in(tx, PASSWORD, username="LAN") is not None
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await viewer(tx, "lAn")
    assert caught.value.code == "username_taken"


async def test_a_session_ends_with_its_time_and_is_then_pruned(database: Database) -> None:
    async with database.write() as tx:
        await viewer(tx)
        session = await sign_in(tx, PASSWORD, username="lan", now_us=0)
        assert session is not None
        end = round(HOUR) * US_PER_S

        assert await identity.session_user(tx, session.token, end - 1) is not None
        assert await identity.session_user(tx, session.token, end) is None
        assert await identity.session_user(tx, session.token + "x", 0) is None
        assert await identity.prune_sessions(tx, end - 1) == 0
        assert await identity.prune_sessions(tx, end) == 1


async def test_signing_out_ends_one_session_and_a_new_password_all_others(database: Database) -> None:
    async with database.write() as tx:
        user = await viewer(tx)
        first, second, third = [await sign_in(tx, PASSWORD, username="lan") for _ in range(3)]
        assert first is not None
        assert second is not None
        assert third is not None
        await identity.sign_out(tx, first.token)
        alive = [bool(await identity.session_user(tx, one.token, 1)) for one in (first, second, third)]
        await identity.change_password(tx, user.id, PASSWORD, CHOSEN, now_us=2, keep_token=third.token)
        after = [bool(await identity.session_user(tx, one.token, 1)) for one in (first, second, third)]

    assert alive == [False, True, True]
    assert after == [False, False, True]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("not it at all", CHOSEN, "wrong_password"),
        (PASSWORD, "ngắn quá", "password_too_short"),
        (PASSWORD, PASSWORD, "password_unchanged"),
    ],
)
async def test_a_change_of_password_that_would_not_help_is_refused(
    database: Database, old: str, new: str, code: str
) -> None:
    async with database.write() as tx:
        user = await viewer(tx)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.change_password(tx, user.id, old, new, now_us=1)
    assert caught.value.code == code


async def test_a_deactivated_account_is_out_at_once_and_cannot_return(database: Database) -> None:
    async with database.write() as tx:
        user = await viewer(tx)
        session = await sign_in(tx, PASSWORD, username="lan")
        assert session is not None
        await identity.deactivate(tx, user.id, actor="admin", now_us=2)
        await identity.deactivate(tx, user.id, actor="admin", now_us=3)

        assert await identity.session_user(tx, session.token, 2) is None
        assert await sign_in(tx, PASSWORD, username="lan") is None
        assert len(await audit.entries(tx, action="user.deactivate")) == 1


@pytest.mark.parametrize("username", ["admin", "nobody-of-this-name"])
async def test_guessing_gets_slow_for_known_and_unknown_names_alike(
    database: Database, username: str
) -> None:
    async with database.write() as tx:
        await identity.ensure_administrator(tx, password=PASSWORD, now_us=1)
    await fail(database, FREE_ATTEMPTS, username=username)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await sign_in(tx, PASSWORD, now_us=1, username=username)
    assert (caught.value.code, caught.value.params["wait_s"]) == ("too_many_attempts", 1)

    await fail(database, 1, now_us=1 * US_PER_S, username=username)
    with pytest.raises(Rejected):
        async with database.write() as tx:
            await sign_in(tx, PASSWORD, now_us=3 * US_PER_S - 1, username=username)


async def test_a_stranger_who_guesses_does_not_lock_the_owner_out(database: Database) -> None:
    async with database.write() as tx:
        await identity.ensure_administrator(tx, password=PASSWORD, now_us=1)
    await fail(database, FREE_ATTEMPTS)

    async with database.write() as tx:
        assert await sign_in(tx, PASSWORD, address="10.0.0.2") is not None


async def test_the_right_password_and_a_quarter_of_an_hour_wipe_the_slate(database: Database) -> None:
    async with database.write() as tx:
        await identity.ensure_administrator(tx, password=PASSWORD, now_us=1)
    await fail(database, FREE_ATTEMPTS - 1)
    async with database.write() as tx:
        assert await sign_in(tx, PASSWORD) is not None
    await fail(database, FREE_ATTEMPTS)
    async with database.write() as tx:
        assert await sign_in(tx, PASSWORD, now_us=901 * US_PER_S) is not None


def test_the_wait_doubles_to_a_minute_and_never_becomes_a_lock_out() -> None:
    waits = [wait_s(failures) for failures in range(FREE_ATTEMPTS + 9)]

    assert waits == [0] * FREE_ATTEMPTS + [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert wait_s(10**9) == LONGEST_WAIT_S == 60


async def test_no_hash_matches_no_password() -> None:
    assert not await passwords.matches(PASSWORD, None)
    assert not await passwords.matches(PASSWORD, "plain text left by somebody")
