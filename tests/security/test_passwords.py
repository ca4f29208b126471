"""Items 10 and 14: no default password, none that guessers try first, and a first boot that forces one."""

from __future__ import annotations

import pytest

from oxygen.errors import Rejected
from records import identity
from records.database import Database
from tests.security.accounts import PASSWORD, START_US, new_account, session, sign_in


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("chín ký t", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("nguyen-thi-lan", "password_is_username"),
        ("Nguyen-Thi-Lan!", "password_is_username"),
        ("matkhau123", "password_too_common"),
        ("Password123", "password_too_common"),
        ("benhvien1234!", "password_too_common"),
        ("administrator", "password_too_common"),
        ("1234567890", "password_too_common"),
        ("0987654321", "password_too_common"),
        ("qwertyuiop", "password_too_common"),
        ("aaaaaaaaaaaa", "password_too_common"),
        ("abcabcabcabc", "password_too_common"),
    ],
)
async def test_an_account_is_not_made_with_a_password_that_guessers_try_first(
    database: Database, password: str, code: str
) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.create_user(
                tx, username="nguyen-thi-lan", password=password, actor="admin", now_us=START_US
            )
    assert caught.value.code == code


@pytest.mark.parametrize(
    "password", [PASSWORD, "correct horse battery", "ba con vịt xuống ao", "tQ7#vv0pLm2z"]
)
async def test_ordinary_long_passwords_are_welcome(database: Database, password: str) -> None:
    async with database.write() as tx:
        await identity.create_user(tx, username="lan", password=password, actor="admin", now_us=START_US)


async def test_nobody_can_sign_in_before_somebody_set_a_password_and_the_first_must_be_changed(
    database: Database,
) -> None:
    for guess in ("admin", "oxywatch", "password", "", "changeme"):
        assert await sign_in(database, "admin", guess, address=guess) is None
    async with database.write() as tx:
        assert await identity.ensure_administrator(tx, password="one time, then never", now_us=START_US)
    opened = await sign_in(database, "admin", "one time, then never")
    assert opened is not None
    assert opened.must_change


async def test_a_reset_gives_a_one_time_password_and_ends_everything_that_was_open(
    database: Database,
) -> None:
    number = await new_account(database)
    token = await session(database)
    async with database.write() as tx:
        _, secret = await identity.create_api_token(
            tx, token, name="báo cáo", scopes=["alarms:read"], expires_us=START_US + 10**12, now_us=START_US
        )
        await identity.reset_password(
            tx, number, password="one time, then never", actor="admin", now_us=START_US + 1
        )
        assert await identity.session_user(tx, token, START_US + 2) is None
        assert await identity.token_user(tx, secret, START_US + 2) is None
    assert await sign_in(database) is None
    opened = await sign_in(database, password="one time, then never")
    assert opened is not None
    assert opened.must_change
