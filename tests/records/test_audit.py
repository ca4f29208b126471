"""The audit: sealed while many write, every tampering noticed and named, found and exported again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from records import audit, migrate
from records.audit import Head, Problem, Verdict
from records.database import Database, Transaction
from tests.records.conftest import OpenDatabase
from tests.records.test_database import start_other_process

MINUTE_US = 60_000_000
_GUARDS = ("audit", "audit_block")


async def note(tx: Transaction, number: int, **more: object) -> None:
    given = {"at_us": number, "actor": "lan", "action": "test.note", "subject": f"tank:t-{number}"} | more
    await audit.record(tx, **given)  # type: ignore[arg-type]


async def seal_all(database: Database, *, now_us: int = 1000, limit: int = 2000) -> list[audit.Block]:
    blocks: list[audit.Block] = []
    while True:
        async with database.write() as tx:
            block = await audit.seal(tx, now_us, limit=limit)
        if block is None:
            return blocks
        blocks.append(block)


async def verdict(database: Database, known_head: Head | None = None) -> Verdict:
    async with database.read() as tx:
        return await audit.verify(tx, known_head=known_head)


async def three_blocks(database: Database) -> list[audit.Block]:
    """Rows 1…9 in three blocks."""
    async with database.write() as tx:
        for number in range(1, 10):
            await note(tx, number, detail={"n": number})
    return await seal_all(database, limit=3)


async def tamper(database: Database, *statements: str) -> None:
    """Change history as the owner of the database can: with the guards taken away."""
    async with database.write() as tx:
        for statement in [*_without_guards(tx.on_postgresql), *statements]:
            await tx.execute(text(statement.replace(":", r"\:")))


def _without_guards(on_postgresql: bool) -> Iterator[str]:
    for table in _GUARDS:
        if on_postgresql:
            yield f"ALTER TABLE {table} DISABLE TRIGGER USER"
        else:
            yield f"DROP TRIGGER {table}_no_update"
            yield f"DROP TRIGGER {table}_no_delete"
    if not on_postgresql:
        yield "DROP TRIGGER audit_await_seal"


async def test_what_nobody_touched_verifies(database: Database) -> None:
    blocks = await three_blocks(database)
    async with database.write() as tx:
        await note(tx, 10)

    found = await verdict(database, Head(3, blocks[-1].hash))

    assert [(block.id, block.first_id, block.last_id, block.row_count) for block in blocks] == [
        (1, 1, 3, 3),
        (2, 4, 6, 3),
        (3, 7, 9, 3),
    ]
    assert found == Verdict(3, 10, 1, Head(3, blocks[-1].hash), [])


async def test_an_empty_audit_verifies_and_seals_nothing(database: Database) -> None:
    assert await seal_all(database) == []
    assert await verdict(database) == Verdict(0, 0, 0, None, [])


async def test_a_block_can_be_recomputed_from_its_description_alone(database: Database) -> None:
    """By the words of the documentation: SHA-256 of JSON arrays in ASCII without blanks."""
    async with database.write() as tx:
        await note(tx, 7, detail={"bồn": 1.5}, before={"a": 1}, reason="đổi", address="10.0.0.7")
    (block,) = await seal_all(database)

    row = (
        '[1,7,"lan","test.note","tank:t-7","{\\"b\\u1ed3n\\":1.5}","10.0.0.7","{\\"a\\":1}",null,'
        '"\\u0111\\u1ed5i"]'
    )
    row_hash = hashlib.sha256(row.encode()).hexdigest()
    rows_hash = hashlib.sha256(f'[[1,"{row_hash}"]]'.encode()).hexdigest()
    head = hashlib.sha256(f'[1,1,1,1,"{rows_hash}","{"0" * 64}",1000]'.encode()).hexdigest()
    assert block.members == [(1, row_hash)]
    assert (block.rows_hash, block.hash) == (rows_hash, head)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at_us", "77"),
        ("actor", "'minh'"),
        ("action", "'test.other'"),
        ("subject", "'tank:x'"),
        ("detail", "'{\"n\":99}'"),
        ("address", "'10.0.0.1'"),
        ("before", "'{}'"),
        ("after", "'{}'"),
        ("reason", "'because'"),
    ],
)
async def test_an_edited_row_is_named_whatever_was_edited(
    database: Database, column: str, value: str
) -> None:
    await three_blocks(database)
    await tamper(database, f'UPDATE audit SET "{column}" = {value} WHERE id = 5')
    assert (await verdict(database)).problems == [Problem("edited_row", 2, 5)]


async def test_a_deleted_row_is_named(database: Database) -> None:
    await three_blocks(database)
    await tamper(database, "DELETE FROM audit WHERE id IN (4, 9)")
    assert (await verdict(database)).problems == [
        Problem("deleted_row", 2, 4),
        Problem("deleted_row", 3, 9),
    ]


async def test_a_row_deleted_before_it_was_sealed_is_named_and_holds_up_no_other(database: Database) -> None:
    async with database.write() as tx:
        await note(tx, 1)
        await note(tx, 2)
    await tamper(database, "DELETE FROM audit WHERE id = 1")
    (block,) = await seal_all(database, limit=1)
    assert block.first_id == 2
    assert (await verdict(database)).problems == [Problem("deleted_row", None, 1)]


async def test_an_inserted_row_is_named(database: Database) -> None:
    await three_blocks(database)
    columns = "actor, action, subject, detail"
    values = "'lan', 'user.sign_in', 'user:lan', '{}'"
    await tamper(
        database,
        f"INSERT INTO audit (id, at_us, {columns}) VALUES (50, 5, {values})",
        f"INSERT INTO audit (id, at_us, {columns}) VALUES (-4, 5, {values})",
    )
    assert (await verdict(database)).problems == [
        Problem("inserted_row", None, -4),
        Problem("inserted_row", None, 50),
    ]


async def test_rows_that_changed_places_are_named(database: Database) -> None:
    await three_blocks(database)
    await tamper(
        database,
        "UPDATE audit SET id = 100 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 5",
        "UPDATE audit SET id = 5 WHERE id = 100",
    )
    assert (await verdict(database)).problems == [Problem("edited_row", 2, 4), Problem("edited_row", 2, 5)]


async def test_blocks_that_changed_places_are_named(database: Database) -> None:
    await three_blocks(database)
    await tamper(
        database,
        "UPDATE audit_block SET id = 100 WHERE id = 1",
        "UPDATE audit_block SET id = 1 WHERE id = 2",
        "UPDATE audit_block SET id = 2 WHERE id = 100",
    )
    kinds = {(problem.kind, problem.block) for problem in (await verdict(database)).problems}
    assert {("chain_broken", 1), ("chain_broken", 2), ("chain_broken", 3)} <= kinds
    assert {("block_altered", 1), ("block_altered", 2)} <= kinds


@pytest.mark.parametrize("block", [1, 2])
async def test_a_missing_block_is_named_with_the_rows_it_held(database: Database, block: int) -> None:
    await three_blocks(database)
    await tamper(database, f"DELETE FROM audit_block WHERE id = {block}")
    rows = range(3 * block - 2, 3 * block + 1)
    expected = [Problem("inserted_row", None, row) for row in rows] + [Problem("block_missing", block)]
    assert (await verdict(database)).problems == expected


async def test_history_cut_off_at_its_end_is_noticed_by_the_head_that_was_sent_out(
    database: Database,
) -> None:
    head = Head(3, (await three_blocks(database))[-1].hash)
    await tamper(database, "DELETE FROM audit_block WHERE id = 3", "DELETE FROM audit WHERE id IN (7, 8, 9)")
    assert (await verdict(database)).problems == []
    assert (await verdict(database, head)).problems == [Problem("head_missing", 3)]


async def test_history_made_anew_is_noticed_by_the_head_that_was_sent_out(database: Database) -> None:
    head = Head(3, (await three_blocks(database))[-1].hash)
    await tamper(
        database,
        "UPDATE audit SET actor = 'minh' WHERE id = 8",
        "DELETE FROM audit_block WHERE id = 3",
        "INSERT INTO audit_unsealed (audit_id, at_us) SELECT id, at_us FROM audit WHERE id >= 7",
    )
    await seal_all(database)
    assert (await verdict(database)).problems == []
    assert (await verdict(database, head)).problems == [Problem("head_differs", 3)]


@pytest.mark.parametrize(
    "change",
    [
        "sealed_us = 5",
        "members = '[]'",
        "members = 'no json'",
        "members = '[[99999999999999,\"00\"]]'",
        "first_id = 3",
        "row_count = 9",
    ],
)
async def test_an_altered_block_is_named(database: Database, change: str) -> None:
    await three_blocks(database)
    await tamper(database, f"UPDATE audit_block SET {change} WHERE id = 2")
    assert Problem("block_altered", 2) in (await verdict(database)).problems


async def test_a_block_with_a_hash_made_to_fit_breaks_the_chain_after_it(database: Database) -> None:
    blocks = await three_blocks(database)
    forged = json.dumps([2, 4, 6, 3, blocks[1].rows_hash, blocks[1].previous_hash, 5], separators=(",", ":"))
    digest = hashlib.sha256(forged.encode()).hexdigest()
    await tamper(database, f"UPDATE audit_block SET sealed_us = 5, hash = '{digest}' WHERE id = 2")
    assert (await verdict(database)).problems == [Problem("chain_broken", 3)]


async def test_a_row_that_commits_late_goes_into_a_later_block(
    postgres_url: str, open_database: OpenDatabase
) -> None:
    """PostgreSQL gives ids before the commit: id 1 is still unseen while id 2 is sealed."""
    database, slow = open_database(postgres_url), open_database(postgres_url)
    await database.migrate()
    async with slow.write() as late:
        await note(late, 1)
        async with database.write() as tx:
            await note(tx, 2)
        (early_block,) = await seal_all(database)
        assert (await verdict(database)).problems == []
    (late_block,) = await seal_all(database)

    assert (early_block.first_id, late_block.first_id) == (2, 1)
    assert (await verdict(database)).problems == []


async def test_a_row_that_is_rolled_back_leaves_no_trace(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as tx:
            await note(tx, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as tx:
        assert await audit.unsealed_tail(tx) is None
    assert await seal_all(database) == []


async def test_three_processes_write_while_two_seal_and_every_row_is_in_one_block(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    writers = [await start_other_process(url, "audit", f"writer-{n}", "120") for n in range(3)]
    sealers = [await start_other_process(url, "seal") for _ in range(2)]
    assert [await writer.wait() for writer in writers] == [0, 0, 0]
    for sealer in sealers:
        assert sealer.stdin is not None
        sealer.stdin.close()
    assert [await sealer.wait() for sealer in sealers] == [0, 0]
    await seal_all(database)

    async with database.read() as tx:
        blocks = await tx.rows(text("SELECT row_count FROM audit_block"))
        entries = await audit.entries(tx, limit=10_000)
    found = await verdict(database)
    assert found.problems == []
    assert found.unsealed == 0
    assert len(entries) == 3 * 120
    assert sum(row["row_count"] for row in blocks) == len(entries)
    assert len(blocks) > 1


async def test_the_unsealed_tail_is_overdue_after_a_minute(database: Database) -> None:
    async with database.write() as tx:
        await note(tx, MINUTE_US)
        await note(tx, 2 * MINUTE_US)
        in_time = await audit.overdue_tail(tx, 2 * MINUTE_US)
        overdue = await audit.overdue_tail(tx, 2 * MINUTE_US + 1)
    await seal_all(database)
    async with database.read() as tx:
        after = await audit.overdue_tail(tx, 99 * MINUTE_US)
    assert (in_time, overdue, after) == (None, audit.Tail(2, MINUTE_US), None)


async def test_rows_from_before_the_blocks_are_sealed_and_going_down_keeps_them(
    empty_url: str, open_database: OpenDatabase
) -> None:
    await migrate.upgrade(empty_url, "0005_guards_and_views")
    database = open_database(empty_url)
    old = "INSERT INTO audit (at_us, actor, action, subject, detail) VALUES (3, 'lan', 'a.b', 'c', '{}')"
    async with database.write() as tx:
        await tx.execute(text(old))
    await migrate.upgrade(empty_url, "0006_audit_blocks")
    async with database.write() as tx:
        await note(tx, 4, after={"x": 1})
    (block,) = await seal_all(database)
    assert [number for number, _ in block.members] == [1, 2]
    assert (await verdict(database)).problems == []
    await database.close()

    await migrate.downgrade(empty_url, "0005_guards_and_views")
    database = open_database(empty_url)
    async with database.read() as tx:
        rows = await tx.rows(text("SELECT * FROM audit ORDER BY id"))
    assert [(row["id"], row["actor"], set(row)) for row in rows] == [
        (number, "lan", {"id", "at_us", "actor", "action", "subject", "detail"}) for number in (1, 2)
    ]
