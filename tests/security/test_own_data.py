"""Item 24: an owner gets everything that is kept of them, and erasing leaves nothing that can be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY
from records import audit, identity, personal
from records.database import Database
from records.key_file import read_key_file
from records.tables import metadata
from tests.records.keys import everything, with_keys
from tests.security.accounts import (
    MAIL,
    PHONE,
    START_US,
    confirmed_address,
    enrolled,
    new_account,
    session,
    sign_in,
)

TABLES = [table.name for table in metadata.sorted_tables]


async def furnished(database: Database) -> int:
    """An account with everything that can be kept of its owner."""
    number = await new_account(database)
    token = await session(database)
    await confirmed_address(database, token, "phone", PHONE)
    await confirmed_address(database, token, "email", MAIL)
    await enrolled(database, token)
    async with database.write() as tx:
        await identity.create_api_token(
            tx,
            token,
            name="báo cáo",
            scopes=["reports:read"],
            expires_us=START_US + US_PER_DAY,
            now_us=START_US,
        )
    return number


async def erase(database: Database, number: int, now_us: int = START_US + 1) -> None:
    async with database.write() as tx:
        await identity.erase_user(tx, number, actor="admin", reason="đã nghỉ việc", now_us=now_us)


async def readable_fields(database: Database, tokens: list[tuple[str, str]]) -> list[tuple[str | None, str]]:
    async with database.read() as tx:
        opened = await personal.open_sealed(tx, [personal.Sealed(field, token) for field, token in tokens])
    return [(one.text, one.reason) for one in opened]


async def sealed_of(database: Database, number: int) -> list[tuple[str, str]]:
    async with database.read() as tx:
        known = await identity.addresses(tx, number)
    return [(identity.field_of(kind), known[kind].sealed) for kind in ("phone", "email")]


async def test_no_personal_value_lies_in_clear_in_any_table(database: Database) -> None:
    await furnished(database)
    async with database.read() as tx:
        held = await everything(tx, TABLES)
    assert PHONE[3:] not in held
    assert MAIL not in held


async def test_an_owner_gets_everything_and_the_view_is_on_record(database: Database) -> None:
    number = await furnished(database)
    async with database.write() as tx:
        data = await identity.own_data(tx, number, now_us=START_US + 1)
        views = await audit.entries(tx, action="personal.view")
    assert data["account"]["username"] == "lan"
    assert {kind: one["value"] for kind, one in data["addresses"].items()} == {"phone": PHONE, "email": MAIL}
    assert [len(data[part]) for part in ("sessions", "tokens")] == [1, 1]
    assert {"user.sign_in", "user.change_phone"} <= {entry.action for entry in data["actions"]}
    assert (views[0].actor, views[0].reason) == ("lan", "own_data")


async def test_erasing_closes_the_account_and_leaves_nothing_to_be_read(database: Database) -> None:
    number = await furnished(database)
    sealed = await sealed_of(database, number)
    await erase(database, number)
    await erase(database, number)

    assert await readable_fields(database, sealed) == [(None, "erased")] * 2
    async with database.write() as tx:
        left = await everything(
            tx,
            ["account_address", "account_authenticator", "recovery_code", "one_time_code", "api_token",
             "person_key", "person_index", "account_session"],
        )  # fmt: skip
        data = await identity.own_data(tx, number, now_us=START_US + 2)
        entries = await audit.entries(tx, action="personal.erase")
    assert left == ""
    assert data["addresses"] == {}
    assert await sign_in(database) is None
    assert [(entry.actor, entry.reason) for entry in entries] == [("admin", "đã nghỉ việc")]


async def test_a_backup_of_before_the_erasure_shows_nothing_once_its_master_is_forgotten(
    tmp_path: Path, sqlite_template: Path, key_file: Path
) -> None:
    """Rotating and forgetting is how an erasure reaches backups before they run out."""
    file, backup = tmp_path / "records.sqlite", tmp_path / "backup.sqlite"
    shutil.copy(sqlite_template, file)
    database = with_keys(f"sqlite:///{file}", key_file)
    number = await furnished(database)
    sealed = await sealed_of(database, number)
    await database.close()
    shutil.copy(file, backup)
    restored = with_keys(f"sqlite:///{backup}", key_file)
    assert (await readable_fields(restored, sealed))[0] == (PHONE, "ok")

    database = with_keys(f"sqlite:///{file}", key_file)
    await erase(database, number)
    old = read_key_file(key_file).current.id
    await personal.rotate(database, key_file, backup=None, actor="console", clock=lambda: START_US)
    async with database.write() as tx:
        await personal.forget_master(tx, key_file, old, backup=None, actor="console", now_us=START_US)

    assert await readable_fields(restored, sealed) == [(None, "master_missing")] * 2
    await database.close()
    await restored.close()


async def test_owners_of_closed_accounts_are_erased_when_their_time_is_over_and_not_before(
    database: Database,
) -> None:
    number = await furnished(database)
    await new_account(database, "minh")
    sealed = await sealed_of(database, number)

    async def run(now_us: int) -> int:
        async with database.write() as tx:
            return await identity.erase_former(tx, now_us, keep_days=365)

    assert await run(START_US + 1000 * US_PER_DAY) == 0  # nobody's account is closed
    async with database.write() as tx:
        await identity.deactivate(tx, number, actor="admin", now_us=START_US)
    assert await run(START_US + 365 * US_PER_DAY - 1) == 0
    assert (await readable_fields(database, sealed))[0] == (PHONE, "ok")
    assert await run(START_US + 365 * US_PER_DAY) == 1
    assert await run(START_US + 366 * US_PER_DAY) == 0
    assert await readable_fields(database, sealed) == [(None, "erased")] * 2
    assert await sign_in(database, "minh") is not None


async def test_an_erasure_says_why(database: Database) -> None:
    number = await furnished(database)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await identity.erase_user(tx, number, actor="admin", reason=" ", now_us=START_US)
    assert caught.value.code == "reason_missing"
    assert await sign_in(database) is not None


async def test_old_codes_are_deleted(database: Database) -> None:
    await furnished(database)
    async with database.write() as tx:
        assert await identity.prune_codes(tx, START_US + US_PER_DAY) == 0
        assert await identity.prune_codes(tx, START_US + US_PER_DAY + 1) == 2
