"""Entries of the audit: from where and why, found, paged and exported again."""

from __future__ import annotations

import asyncio

import pytest

from records import audit
from records.database import Database
from tests.records.test_audit import note


async def test_entries_tell_from_where_what_was_before_and_why(database: Database) -> None:
    async with database.write() as tx:
        with audit.acting_from("203.0.113.9"):
            await note(tx, 1, before={"beds": 10}, after={"beds": 12}, reason="new ward")
            await note(tx, 2, address="console")
        await note(tx, 3)
        third, second, first = await audit.entries(tx)

    assert (first.address, first.before, first.after, first.reason) == (
        "203.0.113.9",
        {"beds": 10},
        {"beds": 12},
        "new ward",
    )
    assert second.address == "console"
    assert (third.address, third.before, third.after, third.reason) == (None, None, None, None)


async def test_an_address_is_of_its_own_task_alone(database: Database) -> None:
    async def act(number: int) -> None:
        with audit.acting_from(f"10.0.0.{number}"):
            await asyncio.sleep(0)
            async with database.write() as tx:
                await note(tx, number)

    await asyncio.gather(*(act(number) for number in range(1, 5)))
    async with database.read() as tx:
        assert {entry.at_us: entry.address for entry in await audit.entries(tx)} == {
            number: f"10.0.0.{number}" for number in range(1, 5)
        }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (audit.Filter(), {1, 2, 3, 4}),
        (audit.Filter(actor="minh"), {2}),
        (audit.Filter(action="user.sign_in"), {2}),
        (audit.Filter(action="user."), {2, 3}),
        (audit.Filter(action="user_"), set()),
        (audit.Filter(subject="tank:t-1"), {1}),
        (audit.Filter(since_us=2, until_us=4), {2, 3}),
        (audit.Filter(text="CAPACITY"), {1}),
        (audit.Filter(text="thở oxy"), {4}),
        (audit.Filter(text="100%"), {4}),
        (audit.Filter(text="1_0%"), set()),
        (audit.Filter(text="10.0.0.7", action="user."), {3}),
    ],
)
async def test_entries_are_found(database: Database, wanted: audit.Filter, found: set[int]) -> None:
    async with database.write() as tx:
        await note(tx, 1, before={"capacity": 5})
        await note(tx, 2, actor="minh", action="user.sign_in")
        await note(tx, 3, action="user.sign_out", address="10.0.0.7")
        await note(tx, 4, reason="máy thở oxy, 100%")
        page = await audit.search(tx, wanted)
        counted = await audit.count(tx, wanted)
    assert {entry.at_us for entry in page.entries} == found
    assert (counted, page.next_before_id) == (len(found), None)


async def test_pages_go_on_where_they_ended_while_entries_are_added(database: Database) -> None:
    async with database.write() as tx:
        for number in range(1, 6):
            await note(tx, number)
        first = await audit.search(tx, audit.Filter(), limit=2)
        await note(tx, 6)
        second = await audit.search(tx, audit.Filter(), limit=2, before_id=first.next_before_id)
        third = await audit.search(tx, audit.Filter(), limit=2, before_id=second.next_before_id)
    pages = [[entry.at_us for entry in page.entries] for page in (first, second, third)]
    assert pages == [[5, 4], [3, 2], [1]]
    assert third.next_before_id is None


async def test_an_export_has_every_entry_once_in_order(database: Database) -> None:
    async with database.write() as tx:
        for number in range(1, 2102):
            await note(tx, number)
    async with database.read() as tx:
        exported = [entry.at_us async for entry in audit.export(tx, audit.Filter(since_us=2))]
    assert exported == list(range(2, 2102))
