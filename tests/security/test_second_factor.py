"""Item 14: a second factor, required of administrators and DOH; not to be guessed, replayed or weaponised."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from oxygen.errors import Permanent, Rejected
from policy.roles import roles
from policy.sign_in import second_factor_required
from records import audit, identity
from records.database import Database
from records.identity.second_factor import WRONG_CODES_A_SESSION, WRONG_CODES_AN_ACCOUNT
from tests.records.keys import everything, with_keys
from tests.security.accounts import (
    HOME,
    START_US,
    STRANGER,
    code_at,
    enrolled,
    later,
    new_account,
    owed,
    session,
    show,
    sign_in,
)


@pytest.mark.parametrize(
    ("role", "required"),
    [("administrator", True), ("doh", True), ("national", True), ("facility", False), ("viewer", False)],
)
def test_a_second_factor_is_required_of_administrators_and_of_who_sees_many_hospitals(
    role: str, required: bool
) -> None:
    assert role in roles()
    assert second_factor_required({role}) is required
    assert second_factor_required({"viewer", role}) is required


@pytest.mark.parametrize(
    ("role", "expected"), [("administrator", "enrol"), ("viewer", "done"), (None, "done")]
)
async def test_who_must_have_an_authenticator_owes_it_from_the_first_session(
    database: Database, role: str | None, expected: str
) -> None:
    await new_account(database, role=role)
    opened = await sign_in(database)
    assert opened is not None
    assert opened.second_factor == expected
    assert await owed(database, opened.token) == expected


async def test_a_session_of_an_enrolled_account_is_complete_only_with_a_code(database: Database) -> None:
    await new_account(database, role="administrator")
    first = await session(database)
    assert await owed(database, first) == "enrol"
    enrolment, _ = await enrolled(database, first)
    assert await owed(database, first) == "done"

    opened = await sign_in(database, now_us=later(60))
    assert opened is not None
    assert opened.second_factor == "needed"
    assert await owed(database, opened.token, later(60)) == "needed"
    assert await show(database, opened.token, code_at(enrolment, later(60)), now_us=later(60))
    assert await owed(database, opened.token, later(60)) == "done"


async def test_whoever_enrols_by_choice_is_asked_as_well(database: Database) -> None:
    await new_account(database)
    await enrolled(database, await session(database))
    assert await owed(database, await session(database, now_us=later(60)), later(60)) == "needed"


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_clock_may_be_half_a_minute_off_and_no_more(
    database: Database, steps: int, right: bool
) -> None:
    await new_account(database)
    enrolment, _ = await enrolled(database, await session(database))
    token = await session(database, now_us=later(600))
    code = code_at(enrolment, later(600), steps)
    assert await show(database, token, code, now_us=later(600)) is right


async def test_a_code_counts_once_also_at_the_same_moment_and_for_another_session(
    database: Database,
) -> None:
    await new_account(database)
    enrolment, _ = await enrolled(database, await session(database))
    assert not await show(database, await session(database), code_at(enrolment, START_US))

    at_us = later(600)
    tokens = [await session(database, now_us=at_us) for _ in range(3)]
    code = code_at(enrolment, at_us)
    results = await asyncio.gather(
        *(show(database, token, code, now_us=at_us, address=f"10.0.1.{n}") for n, token in enumerate(tokens))
    )
    assert sorted(results) == [False, False, True]


async def test_an_older_code_is_worth_nothing_after_a_newer_one(database: Database) -> None:
    await new_account(database)
    enrolment, _ = await enrolled(database, await session(database))
    at_us = later(600)
    assert await show(
        database, await session(database, now_us=at_us), code_at(enrolment, at_us, 1), now_us=at_us
    )
    token = await session(database, now_us=at_us)
    assert not await show(database, token, code_at(enrolment, at_us), now_us=at_us)


async def test_five_wrong_codes_end_the_session(database: Database) -> None:
    await new_account(database)
    await enrolled(database, await session(database))
    token = await session(database, now_us=later(60))
    for number in range(WRONG_CODES_A_SESSION):
        assert not await show(database, token, "000000", now_us=later(60), address=f"10.0.1.{number}")
    assert await owed(database, token, later(60)) is None
    with pytest.raises(Rejected) as caught:
        await show(database, token, "000000", now_us=later(60))
    assert caught.value.code == "session_over"


async def test_guessing_codes_from_many_addresses_ends_too_and_a_recovery_code_still_opens(
    database: Database,
) -> None:
    await new_account(database)
    enrolment, recovery = await enrolled(database, await session(database))
    at_us = later(60)
    guesses = 0
    while guesses < WRONG_CODES_AN_ACCOUNT:
        token = await session(database, now_us=at_us)
        for _ in range(WRONG_CODES_A_SESSION):
            assert not await show(database, token, "000000", now_us=at_us, address=f"203.0.113.{guesses}")
            guesses += 1

    token = await session(database, now_us=at_us)
    with pytest.raises(Rejected) as caught:
        await show(database, token, code_at(enrolment, at_us), now_us=at_us)
    assert caught.value.code == "too_many_attempts"
    assert await show(database, token, recovery[0], now_us=at_us)
    assert await owed(database, token, at_us) == "done"


async def test_the_way_in_opens_again_after_a_quarter_of_an_hour(database: Database) -> None:
    await new_account(database)
    enrolment, _ = await enrolled(database, await session(database))
    for start in range(0, WRONG_CODES_AN_ACCOUNT, WRONG_CODES_A_SESSION):
        token = await session(database, now_us=later(60))
        for number in range(WRONG_CODES_A_SESSION):
            await show(database, token, "000000", now_us=later(60), address=f"203.0.113.{start + number}")
    at_us = later(60 + 901)
    assert await show(
        database, await session(database, now_us=at_us), code_at(enrolment, at_us), now_us=at_us
    )


async def test_a_stranger_without_the_password_cannot_close_the_way_in(database: Database) -> None:
    await new_account(database)
    enrolment, _ = await enrolled(database, await session(database))
    at_us = later(60)
    for number in range(40):
        try:
            assert await sign_in(database, password="wrong guess", now_us=at_us, address=STRANGER) is None
        except Rejected as refusal:
            assert refusal.code == "too_many_attempts"  # noqa: PT017  counted on below
            assert number >= 5
    token = await session(database, now_us=at_us)
    assert await show(database, token, code_at(enrolment, at_us), now_us=at_us)


async def test_a_recovery_code_counts_once_and_may_be_typed_carelessly(database: Database) -> None:
    await new_account(database)
    _, recovery = await enrolled(database, await session(database))
    careless = recovery[3].lower().replace("-", " ")

    assert len(set(recovery)) == 10
    assert await show(database, await session(database, now_us=later(60)), careless, now_us=later(60))
    token = await session(database, now_us=later(60))
    assert not await show(database, token, recovery[3], now_us=later(60))
    async with database.read() as tx:
        assert await identity.recovery_codes_left(tx, 1) == 9


async def test_new_recovery_codes_replace_the_old(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    _, recovery = await enrolled(database, token)
    async with database.write() as tx:
        fresh = await identity.renew_recovery_codes(tx, token, now_us=START_US)
    token = await session(database, now_us=later(60))
    assert not await show(database, token, recovery[0], now_us=later(60))
    assert await show(database, token, fresh[0], now_us=later(60))


async def test_neither_secret_nor_recovery_codes_are_stored_in_clear(database: Database) -> None:
    await new_account(database)
    enrolment, recovery = await enrolled(database, await session(database))
    async with database.read() as tx:
        held = await everything(tx, ["account_authenticator", "recovery_code", "audit", "account"])
    assert enrolment.secret not in held
    assert not any(code in held or code.replace("-", "") in held for code in recovery)


async def test_an_authenticator_is_not_replaced_by_who_finds_a_browser_open(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    await enrolled(database, token)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.enrol(tx, token, now_us=START_US)
    assert caught.value.code == "second_factor_exists"

    await new_account(database, "minh")
    token = await session(database, "minh")
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.enrol(tx, token, now_us=later(901))
    assert caught.value.code == "reauthentication_needed"


async def test_an_unconfirmed_authenticator_asks_for_nothing(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    async with database.write() as tx:
        enrolment = await identity.enrol(tx, token, now_us=START_US)
        assert await identity.confirm_enrolment(tx, token, "000000", now_us=START_US) is None
    assert enrolment.uri.startswith("otpauth://totp/OxyWatch:lan?secret=")
    assert await owed(database, await session(database)) == "done"


async def test_without_the_key_file_recovery_codes_and_a_reset_still_let_people_in(
    database: Database, url: str, tmp_path: Path
) -> None:
    number = await new_account(database, role="administrator")
    enrolment, recovery = await enrolled(database, await session(database))
    without = with_keys(url, tmp_path / "lost.toml")
    token = await session(without, now_us=later(60))

    with pytest.raises(Permanent) as caught:
        await show(without, token, code_at(enrolment, later(60)), now_us=later(60))
    assert caught.value.code == "second_factor_unreadable"
    assert await show(without, token, recovery[0], now_us=later(60))
    async with without.write() as tx:
        await identity.reset_second_factor(tx, number, actor="console", now_us=later(61))
    assert await owed(without, token, later(61)) is None
    assert await owed(without, await session(without, now_us=later(62)), later(62)) == "enrol"
    await without.close()


async def test_every_step_is_on_record_with_where_from(database: Database) -> None:
    await new_account(database)
    await enrolled(database, await session(database))
    token = await session(database, now_us=later(60))
    await show(database, token, "000000", now_us=later(60), address=STRANGER)
    assert await sign_in(database, password="wrong guess", address=STRANGER) is None
    async with database.read() as tx:
        seen = [(entry.action, entry.address) for entry in await audit.entries(tx, subject="user:lan")]
    assert seen[:3] == [
        ("user.sign_in_failed", STRANGER),
        ("user.second_factor_failed", STRANGER),
        ("user.sign_in", HOME),
    ]
    assert {"user.second_factor_enrol", "user.second_factor_confirm"} <= {action for action, _ in seen}
