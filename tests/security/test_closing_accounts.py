"""Item 15: closing an account, ending a session or revoking a token takes effect with the commit."""

from __future__ import annotations

import pytest

from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY
from records import audit, identity
from records.database import Database
from records.identity import ApiToken
from tests.records.keys import everything
from tests.security.accounts import (
    PHONE,
    START_US,
    confirmed_address,
    later,
    new_account,
    sent_code,
    session,
    sign_in,
)

WEEK_US = 7 * US_PER_DAY


async def api_token(
    database: Database, token: str, *, now_us: int = START_US, lifetime_us: int = WEEK_US
) -> tuple[ApiToken, str]:
    async with database.write() as tx:
        return await identity.create_api_token(
            tx,
            token,
            name="báo cáo ngày",
            scopes=["reports:read", "alarms:read"],
            expires_us=now_us + lifetime_us,
            now_us=now_us,
        )


async def acts_for(database: Database, secret: str, now_us: int) -> str | None:
    async with database.read() as tx:
        user = await identity.token_user(tx, secret, now_us)
    return None if user is None else user.username


async def test_a_closed_account_has_no_session_no_token_and_no_code_any_more(database: Database) -> None:
    number = await new_account(database)
    token = await session(database)
    _, secret = await api_token(database, token)
    await confirmed_address(database, token, "phone", PHONE)
    async with database.write() as tx:
        await identity.send_to_phone(tx, number, "reset_password", now_us=START_US)
    _, code = await sent_code(database)
    assert await acts_for(database, secret, START_US + 1) == "lan"

    async with database.write() as tx:
        await identity.deactivate(tx, number, actor="admin", now_us=START_US + 2)

    async with database.write() as tx:
        assert await identity.session_user(tx, token, START_US + 2) is None
        assert await identity.redeem_code(tx, number, "reset_password", code, now_us=START_US + 2) is None
        with pytest.raises(Rejected) as caught:
            await identity.send_to_phone(tx, number, "reset_password", now_us=START_US + 2)
    assert caught.value.code == "not_found"
    assert await acts_for(database, secret, START_US + 2) is None
    assert await sign_in(database) is None


async def test_a_token_works_until_it_is_revoked_or_over_and_its_secret_is_stored_nowhere(
    database: Database,
) -> None:
    number = await new_account(database)
    token = await session(database)
    made, secret = await api_token(database, token)
    other, other_secret = await api_token(database, token)
    async with database.read() as tx:
        user = await identity.token_user(tx, secret, START_US + 1)
        held = await everything(tx, ["api_token", "audit"])
    assert user is not None
    assert user.scopes == {"alarms:read", "reports:read"}
    assert secret not in held
    assert other_secret not in held

    async with database.write() as tx:
        await identity.revoke_api_token(tx, number, made.id, actor="lan", now_us=START_US + 2)
        assert [one.id for one in await identity.api_tokens(tx, number, now_us=START_US + 2)] == [other.id]
    assert await acts_for(database, secret, START_US + 2) is None
    assert await acts_for(database, other_secret, START_US + WEEK_US - 1) == "lan"
    assert await acts_for(database, other_secret, START_US + WEEK_US) is None
    assert await acts_for(database, other_secret + "x", START_US) is None
    assert await acts_for(database, token, START_US) is None


async def test_nobody_revokes_anothers_token(database: Database) -> None:
    await new_account(database)
    minh = await new_account(database, "minh")
    made, secret = await api_token(database, await session(database))
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.revoke_api_token(tx, minh, made.id, actor="minh", now_us=START_US)
    assert caught.value.code == "not_found"
    assert await acts_for(database, secret, START_US) == "lan"


async def test_a_token_is_made_only_soon_after_the_password_was_typed_and_not_for_ever(
    database: Database,
) -> None:
    await new_account(database)
    token = await session(database)
    for now_us, lifetime_us, code in (
        (later(901), WEEK_US, "reauthentication_needed"),
        (START_US, 401 * US_PER_DAY, "bad_value"),
        (START_US, 0, "bad_value"),
    ):
        with pytest.raises(Rejected) as caught:
            await api_token(database, token, now_us=now_us, lifetime_us=lifetime_us)
        assert caught.value.code == code


async def test_the_last_use_of_a_token_is_known_to_the_minute(database: Database) -> None:
    number = await new_account(database)
    made, secret = await api_token(database, await session(database))
    seen = []
    for seconds in (1, 30, 61, 62):
        async with database.write() as tx:
            user = await identity.token_user(tx, secret, later(seconds))
            assert user is not None
            if user.note_use:
                seen.append(seconds)
                await identity.note_token_use(tx, made.id, later(seconds))
    async with database.read() as tx:
        (stored,) = await identity.api_tokens(tx, number, now_us=later(63))
    assert seen == [1, 61]
    assert stored.last_used_us == later(61)


async def test_a_token_of_an_account_that_must_change_its_password_waits(database: Database) -> None:
    number = await new_account(database)
    token = await session(database)
    async with database.write() as tx:
        await identity.reset_password(
            tx, number, password="one time, then never", actor="admin", now_us=START_US
        )
    with pytest.raises(Rejected) as caught:
        await api_token(database, token)
    assert caught.value.code == "session_over"


async def test_an_owner_sees_where_the_account_is_signed_in_and_ends_one_or_all_others(
    database: Database,
) -> None:
    number = await new_account(database)
    tokens = [await session(database, now_us=later(seconds)) for seconds in (0, 1, 2)]
    async with database.write() as tx:
        listed = await identity.sessions(tx, number, now_us=later(3), current_token=tokens[2])
        assert [one.current for one in listed] == [True, False, False]
        assert {(one.address, one.agent) for one in listed} == {("10.0.0.1", "Firefox")}
        await identity.end_session(tx, number, listed[2].id, actor="lan", now_us=later(3))
        alive = [await identity.session_user(tx, token, later(3)) is not None for token in tokens]
        assert alive == [False, True, True]
        assert (
            await identity.end_other_sessions(tx, number, keep_token=tokens[2], actor="lan", now_us=later(4))
            == 1
        )
        alive = [await identity.session_user(tx, token, later(4)) is not None for token in tokens]
        actions = [entry.action for entry in await audit.entries(tx, subject="user:lan", limit=2)]
    assert alive == [False, False, True]
    assert actions == ["user.end_other_sessions", "user.end_session"]


async def test_a_sessions_id_opens_nothing_and_ends_nobody_elses(database: Database) -> None:
    number = await new_account(database)
    minh = await new_account(database, "minh")
    await session(database)
    async with database.read() as tx:
        (mine,) = await identity.sessions(tx, number, now_us=START_US)
        assert await identity.session_user(tx, mine.id, START_US) is None
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.end_session(tx, minh, mine.id, actor="minh", now_us=START_US)
    assert caught.value.code == "not_found"
