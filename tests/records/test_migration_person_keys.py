"""The step that brings keys of persons: up and down with data in the tables it touches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from records import migrate
from tests.records.conftest import OpenDatabase
from tests.records.keys import with_keys

BEFORE, AFTER = "0006_audit_blocks", "0007_person_keys"

_DATA = (
    (
        "INSERT INTO account (id, username, password_hash, role, locale, must_change, active, version)"
        " VALUES (7, 'lan', 'x', 'viewer', 'vi', :no, :yes, 3)"
    ),
    (
        "INSERT INTO account_session (token_hash, account_id, created_us, expires_us, csrf_token)"
        " VALUES ('aa', 7, 1, 2, 'bb')"
    ),
    (
        "INSERT INTO facility (code, name_vi, name_en, shard, place, governing_body, officer_name,"
        " officer_phone, simulated, version) VALUES ('f', 'F', 'F', 's', '', '', 'Hoa', :phone, :no, 1)"
    ),
    (
        "INSERT INTO outbox (id, key, channel, address, locale, template, params, priority, state, attempts,"
        " next_due_us, created_us)"
        " VALUES (41, 'k', :channel, :address, 'vi', 't', '{}', 0, 'queued', 0, 1, 1)"
    ),
)


async def fill(open_database: OpenDatabase, url: str, statements: tuple[str, ...], **values: Any) -> None:
    known = {"no": False, "yes": True} | values
    async with open_database(url).write() as tx:
        for statement in statements:
            used = {name: value for name, value in known.items() if f":{name}" in statement}
            await tx.execute(text(statement).bindparams(**used))


async def rows(open_database: OpenDatabase, url: str, query: str) -> list[Mapping[str, Any]]:
    async with open_database(url).read() as tx:
        return [dict(row) for row in await tx.rows(text(query))]


async def test_going_up_keeps_what_is_there(empty_url: str, open_database: OpenDatabase) -> None:
    await migrate.upgrade(empty_url, BEFORE)
    await fill(
        open_database, empty_url, _DATA, phone="0901234567", channel="email", address="truc@bv.example"
    )
    await migrate.upgrade(empty_url, AFTER)

    (session,) = await rows(open_database, empty_url, "SELECT * FROM account_session")
    (account,) = await rows(open_database, empty_url, "SELECT * FROM account")
    (message,) = await rows(open_database, empty_url, "SELECT * FROM outbox")
    (delivery,) = await rows(open_database, empty_url, "SELECT * FROM grafana_delivery")
    assert (session["token_hash"], session["second_factor_us"], session["agent"]) == ("aa", None, None)
    assert (account["username"], account["version"], account["deactivated_us"]) == ("lan", 3, None)
    assert (message["id"], message["key"]) == (41, "k")
    assert (delivery["channel"], delivery["messages"]) == ("email", 1)

    await fill(
        open_database, empty_url, (_DATA[3].replace("41, 'k'", "42, 'sms'"),), channel="sms", address="x"
    )
    channels = await rows(open_database, empty_url, "SELECT channel FROM outbox ORDER BY id")
    assert [row["channel"] for row in channels] == ["email", "sms"]


async def test_going_down_takes_what_only_the_keys_could_open_and_leaves_the_rest(
    empty_url: str, open_database: OpenDatabase
) -> None:
    await migrate.upgrade(empty_url, AFTER)
    await fill(
        open_database, empty_url, _DATA, phone="sealed:1:1:AAAA", channel="sms", address="sealed:1:1:AA"
    )
    plain = _DATA[3].replace("41, 'k'", "40, 'mail'")
    await fill(open_database, empty_url, (plain,), channel="email", address="truc@bv.example")
    await migrate.downgrade(empty_url, BEFORE)

    (facility,) = await rows(open_database, empty_url, "SELECT * FROM facility")
    messages = await rows(open_database, empty_url, "SELECT * FROM outbox")
    (session,) = await rows(open_database, empty_url, "SELECT * FROM account_session")
    assert (facility["officer_name"], facility["officer_phone"]) == ("Hoa", "")
    assert [row["key"] for row in messages] == ["mail"]
    assert "second_factor_us" not in session
    await migrate.upgrade(empty_url, AFTER)


async def test_an_outbox_made_anew_never_uses_a_number_twice(
    empty_url: str, open_database: OpenDatabase, tmp_path: Path
) -> None:
    await migrate.upgrade(empty_url, BEFORE)
    await fill(open_database, empty_url, _DATA, phone="", channel="email", address="truc@bv.example")
    await migrate.upgrade(empty_url, AFTER)
    database = with_keys(empty_url, None)
    async with database.write() as tx:
        if not tx.on_postgresql:
            await tx.execute(text("DELETE FROM outbox"))
            statement = _DATA[3].replace("(id, key", "(key").replace("(41, 'k'", "('next'")
            await tx.execute(text(statement).bindparams(channel="email", address="x"))
            assert await tx.scalar(text("SELECT id FROM outbox")) == 42
    await database.close()
