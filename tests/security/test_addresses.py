"""Item 16: phone and mail change only with the password typed again and the new one proven to be held."""

from __future__ import annotations

import asyncio

import pytest

from alerts.account_mail import words
from oxygen.errors import Permanent, Rejected
from records import audit, identity, messages, personal
from records.database import Database
from records.identity.codes import MOST_ATTEMPTS, MOST_CODES
from tests.records.keys import everything
from tests.security.accounts import (
    HOME,
    MAIL,
    PASSWORD,
    PHONE,
    START_US,
    confirmed_address,
    later,
    new_account,
    sent_code,
    session,
)


async def begin(
    database: Database,
    token: str,
    kind: str = "phone",
    value: str = "0901 234 567",
    *,
    now_us: int = START_US,
) -> None:
    async with database.write() as tx:
        await identity.begin_change(tx, token, kind, value, now_us=now_us)


async def confirm(
    database: Database, token: str, code: str, kind: str = "phone", *, now_us: int = START_US
) -> bool:
    async with database.write() as tx:
        return await identity.confirm_change(tx, token, kind, code, now_us=now_us)


async def stored(database: Database, user_id: int, kind: str = "phone") -> str | None:
    async with database.read() as tx:
        found = (await identity.addresses(tx, user_id)).get(kind)
        if found is None:
            return None
        (shown,) = await personal.open_sealed(tx, [personal.Sealed(identity.field_of(kind), found.sealed)])
    return shown.text


async def test_a_new_phone_counts_once_its_code_came_back(database: Database) -> None:
    number = await new_account(database)
    token = await session(database)
    await begin(database, token)
    assert await stored(database, number) is None

    message, code = await sent_code(database)
    assert (message.channel, message.address) == ("sms", PHONE)
    assert await confirm(database, token, code)
    assert await stored(database, number) == PHONE
    async with database.read() as tx:
        (person_id,) = await personal.find(tx, "phone", PHONE)
        assert await personal.person_of(tx, f"user:{number}") == person_id


async def test_after_a_quarter_of_an_hour_the_password_is_needed_again(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    for attempt in (
        begin(database, token, now_us=later(901)),
        confirm(database, token, "1", now_us=later(901)),
    ):
        with pytest.raises(Rejected) as caught:
            await attempt
        assert caught.value.code == "reauthentication_needed"
    async with database.write() as tx:
        assert not await identity.reauthenticate(tx, token, "not it", now_us=later(901), address=HOME)
    with pytest.raises(Rejected):
        await begin(database, token, now_us=later(901))
    async with database.write() as tx:
        assert await identity.reauthenticate(tx, token, PASSWORD, now_us=later(902), address=HOME)
    await begin(database, token, now_us=later(902))


async def test_who_finds_a_browser_open_guesses_the_password_as_slowly_as_at_sign_in(
    database: Database,
) -> None:
    await new_account(database)
    token = await session(database)
    for _ in range(5):
        async with database.write() as tx:
            assert not await identity.reauthenticate(tx, token, "guess", now_us=later(901), address=HOME)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.reauthenticate(tx, token, PASSWORD, now_us=later(901), address=HOME)
    assert caught.value.code == "too_many_attempts"


async def test_a_code_is_worth_nothing_when_wrong_five_times_late_used_or_replaced(
    database: Database,
) -> None:
    number = await new_account(database)
    token = await session(database)
    await begin(database, token)
    _, code = await sent_code(database)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(MOST_ATTEMPTS):
        assert not await confirm(database, token, wrong)
    assert not await confirm(database, token, code)

    await begin(database, token)
    _, earlier = await sent_code(database)
    await begin(database, token, value="0907654321")
    _, code = await sent_code(database)
    assert earlier == code or not await confirm(database, token, earlier)
    assert await confirm(database, token, code)
    assert not await confirm(database, token, code)
    assert await stored(database, number) == "+84907654321"


async def test_a_code_is_over_after_ten_minutes(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    await begin(database, token)
    _, code = await sent_code(database)
    assert not await confirm(database, token, code, now_us=later(600))
    assert await confirm(database, token, code, now_us=later(599))


async def test_guesses_at_the_same_moment_take_turns(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    await begin(database, token)
    _, code = await sent_code(database)
    results = await asyncio.gather(*(confirm(database, token, code) for _ in range(4)))
    assert sorted(results) == [False, False, False, True]


async def test_nobodys_phone_is_flooded(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    for number in range(MOST_CODES):
        await begin(database, token, value=f"090123456{number}")
    with pytest.raises(Rejected) as caught:
        await begin(database, token)
    assert caught.value.code == "too_many_codes"
    assert caught.value.params["wait_s"] == 901
    async with database.read() as tx:
        assert len(await messages.outbox(tx)) == MOST_CODES


async def test_code_and_address_lie_nowhere_in_clear(database: Database) -> None:
    await new_account(database)
    token = await session(database)
    await begin(database, token)
    _, code = await sent_code(database)
    assert await confirm(database, token, code)
    async with database.read() as tx:
        tables = ["account_address", "one_time_code", "audit", "outbox", "person_index"]
        held = await everything(tx, tables)
    assert PHONE[1:] not in held
    assert f'"{code}"' not in held
    assert f"'{code}'" not in held


async def test_the_earlier_mail_hears_of_a_change_and_the_message_says_so_in_clear_words(
    database: Database,
) -> None:
    await new_account(database)
    token = await session(database)
    await confirmed_address(database, token, "email", MAIL)
    await begin(database, token, "email", "Lan@Other.Example")
    _, code = await sent_code(database)
    assert await confirm(database, token, code, "email")

    async with database.read() as tx:
        notice = await messages.readable(tx, (await messages.outbox(tx, limit=1))[0])
        entries = await audit.entries(tx, action="user.change_email")
    assert (notice.template, notice.address) == ("address_changed", MAIL)
    subject, paragraphs = words(notice)
    assert subject == "OxyWatch: địa chỉ thư điện tử của tài khoản đã thay đổi"
    assert "báo ngay người quản trị" in paragraphs[0]
    assert entries[0].before is not None
    assert entries[0].before["email"].startswith("sealed:1:")
    assert entries[0].after is not None
    assert entries[0].after["email"].startswith("sealed:1:")


async def test_a_mailed_code_is_told_in_words(database: Database) -> None:
    await new_account(database)
    await begin(database, await session(database), "email", MAIL)
    message, code = await sent_code(database)
    subject, paragraphs = words(message)
    assert (message.channel, message.address) == ("email", MAIL)
    assert subject.endswith(code)
    assert paragraphs[0] == f"Mã của bạn là {code}. Mã có hiệu lực 10 phút và chỉ dùng một lần."


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("phone", "12345", "bad_phone"),
        ("phone", "lan@bv.example", "bad_phone"),
        ("email", "0901234567", "bad_mail"),
        ("email", "lan@bv.example, minh@bv.example", "bad_mail"),
        ("email", "lan@bv.example\nBcc: x@y.example", "bad_mail"),
        ("fax", "1", "bad_value"),
    ],
)
async def test_what_is_no_phone_or_mail_is_refused(
    database: Database, kind: str, value: str, code: str
) -> None:
    await new_account(database)
    token = await session(database)
    with pytest.raises(Rejected) as caught:
        await begin(database, token, kind, value)
    assert caught.value.code == code


async def test_who_issues_accounts_sets_a_first_address_but_never_over_a_confirmed_one(
    database: Database,
) -> None:
    number = await new_account(database)
    async with database.write() as tx:
        await identity.set_address(tx, number, "phone", "0907654321", actor="admin", now_us=START_US)
        with pytest.raises(Rejected) as caught:
            await identity.send_to_phone(tx, number, "reset_password", now_us=START_US)
    assert caught.value.code == "no_phone"
    await confirmed_address(database, await session(database), "phone", PHONE)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.set_address(tx, number, "phone", "0911222333", actor="admin", now_us=START_US)
    assert caught.value.code == "address_confirmed"
    assert await stored(database, number) == PHONE


async def test_a_code_by_sms_goes_to_the_confirmed_phone_and_serves_its_purpose_alone(
    database: Database,
) -> None:
    number = await new_account(database)
    await confirmed_address(database, await session(database), "phone", PHONE)
    async with database.write() as tx:
        await identity.send_to_phone(tx, number, "reset_password", now_us=later(1))
    message, code = await sent_code(database)
    assert (message.channel, message.address, message.template) == ("sms", PHONE, "one_time_code")
    async with database.write() as tx:
        assert await identity.redeem_code(tx, number, "second_factor", code, now_us=later(2)) is None
        assert await identity.redeem_code(tx, number, "reset_password", f" {code} ", now_us=later(2))
        assert await identity.redeem_code(tx, number, "reset_password", code, now_us=later(2)) is None


async def test_a_message_to_an_erased_person_is_given_up_and_one_without_keys_waits(
    database: Database,
) -> None:
    number = await new_account(database)
    await confirmed_address(database, await session(database), "phone", PHONE)
    async with database.read() as tx:
        row = (await messages.outbox(tx, limit=1))[0]
        ring, tx.keys = tx.keys, None
        with pytest.raises(Permanent) as missing:
            await messages.readable(tx, row)
        tx.keys = ring
    async with database.write() as tx:
        await identity.erase_user(tx, number, actor="admin", reason="asked", now_us=START_US)
        with pytest.raises(Rejected) as erased:
            await messages.readable(tx, row)
    assert missing.value.code == "person_key_unusable"
    assert erased.value.code == "person_erased"
