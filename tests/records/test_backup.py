"""Dumping and loading the records: one snapshot, either database into either, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from oxygen.errors import OxyWatchError, Permanent, Rejected
from records import alarms, audit, backup, messages, migrate, registry, reports, status
from records.backup import BackupRun, DumpShape, Piece
from records.backup.shapes import reflect
from records.database import Database
from records.status import Checkpoint
from tests.records import samples
from tests.records.conftest import OpenDatabase

Contents = dict[str, list[tuple[Any, ...]]]


async def fill(database: Database) -> None:
    """Something in tables with numbers, truth values, bytes, text in Vietnamese, references and counters."""
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        await samples.raise_alarm(tx)
        await status.put_checkpoint(tx, Checkpoint("tank:b", 5, bytes(range(256))))
        await messages.enqueue(tx, [samples.message("k")])
        await messages.put_contact(
            tx, messages.Contact('Chị Lan «\\"\n', "email", "a@b.example"), actor="lan", now_us=1
        )
        await reports.save_report(tx, "bv-cho-lon", "2026-03-01", 0, {}, "draft", "lan", 1)
        await audit.seal(tx, 9)
        await audit.record(tx, at_us=10, actor="lan", action="test", subject="test")


async def contents(database: Database) -> Contents:
    async with database.read() as tx:
        tables = await tx.run_sync(reflect)
        found: Contents = {}
        for table in tables:
            rows = await tx.rows(select(table).order_by(*table.primary_key.columns))
            found[table.name] = [tuple(row.values()) for row in rows]
        return found


async def dump(database: Database) -> tuple[DumpShape, list[Piece]]:
    async with database.read() as tx:
        opened = await backup.open_dump(tx)
        return opened.shape, [piece async for piece in opened.pieces()]


async def handed(pieces: Sequence[Piece]) -> AsyncIterator[tuple[str, bytes]]:
    for piece in pieces:
        yield piece.table, piece.data


@pytest.fixture
def other_url(request: pytest.FixtureRequest, tmp_path: Path, other: str) -> str:
    """Address of a second, empty database, without any table."""
    if other == "sqlite":
        return f"sqlite:///{tmp_path / 'other' / 'records.sqlite'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.mark.parametrize("other", ["sqlite", "postgresql"])
async def test_a_dump_of_either_database_goes_into_either(
    database: Database, other_url: str, open_database: OpenDatabase
) -> None:
    await fill(database)
    before = await contents(database)
    shape, pieces = await dump(database)

    restored = open_database(other_url)
    await restored.migrate()  # a schema without rows is no data
    await backup.load_dump(other_url, shape, handed(pieces), replace=False)

    assert await contents(restored) == before
    assert sum(len(rows) for rows in before.values()) == shape.rows > 20
    async with restored.read() as tx:
        assert (await audit.verify(tx)).problems == []


async def test_restored_records_live_on_guarded_and_give_no_number_twice(
    database: Database, url: str
) -> None:
    await fill(database)
    async with database.write() as tx:
        number = await messages.add_received_mail(tx, samples_mail())
        await tx.execute(text("DELETE FROM received_mail"))
    shape, pieces = await dump(database)
    async with database.write() as tx:
        await tx.execute(text("DELETE FROM outbox"))
    await backup.load_dump(url, shape, handed(pieces), replace=True)
    restored = database

    async with restored.write() as tx:
        later = await messages.add_received_mail(tx, samples_mail())
        await audit.record(tx, at_us=99, actor="lan", action="test", subject="test")
        tail = await audit.unsealed_tail(tx)
        await audit.seal(tx, 100)
        verdict = await audit.verify(tx)
    assert later == number + 1
    assert tail is not None
    assert tail.rows == 2
    assert (verdict.problems, verdict.blocks) == ([], 2)
    for statement in ("DELETE FROM audit", "UPDATE audit_block SET sealed_us = 1"):
        with pytest.raises(Permanent) as caught:
            await change(restored, statement)
        assert caught.value.code == "append_only"
    broken = "INSERT INTO tank_day (subject) VALUES ('tank:x')"
    with pytest.raises(OxyWatchError):
        await change(restored, broken)
    unknown_facility = "UPDATE contact SET facility = 'nowhere'"
    with pytest.raises(Rejected) as refused:
        await change(restored, unknown_facility)
    assert refused.value.code == "constraint"


async def change(database: Database, statement: str) -> None:
    async with database.write() as tx:
        await tx.execute(text(statement))


def samples_mail() -> messages.ReceivedMail:
    return messages.ReceivedMail(1, "a@b.example", ["c@d.example"], "Gấp", "Còn ít.")


async def test_a_dump_is_one_snapshot_while_others_write(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    """Each writing transaction adds an alarm's note and its cursor; no dump may see one without the other."""
    await fill(database)
    writer_database = open_database(url)
    stop = asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            async with writer_database.write() as tx:
                await alarms.put_cursor(tx, "evaluator", written + 1)
                await messages.add_received_mail(tx, samples_mail())
            written += 1
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    seen = []
    for _ in range(5):
        already = written
        while written < already + 3:
            await asyncio.sleep(0.001)
        async with database.read() as tx:
            opened = await backup.open_dump(tx)
            at_first = written
            rows = {}
            async for piece in opened.pieces():
                rows[piece.table] = piece.data
                await asyncio.sleep(0.002)
            assert written > at_first, "the writer has to go on during the dump"
        cursor = rows["cursor"].decode()
        mails = rows["received_mail"].count(b"\n")
        assert f'"evaluator",{mails}' in cursor
        seen.append(mails)
    stop.set()
    await writing
    assert seen == sorted(set(seen))


async def test_what_is_there_is_replaced_only_when_told(database: Database, url: str) -> None:
    await fill(database)
    before = await contents(database)
    shape, pieces = await dump(database)
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message("later")])
    after = await contents(database)

    with pytest.raises(Rejected) as caught:
        await backup.load_dump(url, shape, handed(pieces), replace=False)
    assert caught.value.code == "restore_not_empty"
    assert await contents(database) == after

    await backup.load_dump(url, shape, handed(pieces), replace=True)
    assert await contents(database) == before


async def test_a_load_that_fails_half_way_changes_nothing(database: Database, url: str) -> None:
    await fill(database)
    before = await contents(database)
    shape, pieces = await dump(database)

    async def cut_off() -> AsyncIterator[tuple[str, bytes]]:
        for piece in pieces[: len(pieces) // 2]:
            yield piece.table, piece.data

    async def spoilt() -> AsyncIterator[tuple[str, bytes]]:
        for piece in pieces:
            yield piece.table, piece.data.replace(b"[", b"{", 1)

    for given in (cut_off(), spoilt()):
        with pytest.raises(Rejected) as caught:
            await backup.load_dump(url, shape, given, replace=True)
        assert caught.value.code == "backup_damaged"
        assert await contents(database) == before
    with pytest.raises(Permanent):
        await change(database, "DELETE FROM audit")


async def test_rows_that_refer_to_nothing_are_refused(database: Database, empty_url: str) -> None:
    await fill(database)
    shape, pieces = await dump(database)
    emptied = [without_rows(table) if table.name == "facility" else table for table in shape.tables]
    incomplete = DumpShape(shape.revision, emptied, shape.last_ids)
    without = [piece for piece in pieces if piece.table != "facility"]

    with pytest.raises(OxyWatchError) as caught:
        await backup.load_dump(empty_url, incomplete, handed(without), replace=False)
    assert caught.value.code in ("restore_inconsistent", "constraint")


def without_rows(table: backup.TableShape) -> backup.TableShape:
    return backup.TableShape(table.name, table.columns, 0)


async def test_an_older_backup_is_brought_to_todays_schema(
    empty_url: str, tmp_path: Path, open_database: OpenDatabase
) -> None:
    """Audit rows of a backup from before the blocks wait to be sealed."""
    old_url = f"sqlite:///{tmp_path}/old.sqlite"
    await migrate.upgrade(old_url, "0005_guards_and_views")
    old = open_database(old_url)
    insert = "INSERT INTO audit (at_us, actor, action, subject, detail) VALUES (3, 'lan', 'a.b', 'c', '{}')"
    await change(old, insert)
    shape, pieces = await dump(old)

    await backup.load_dump(empty_url, shape, handed(pieces), replace=False)

    restored = open_database(empty_url)
    async with restored.write() as tx:
        (entry,) = await audit.entries(tx)
        block = await audit.seal(tx, 5)
    assert (entry.actor, entry.address) == ("lan", None)
    assert block is not None
    assert block.row_count == 1


async def test_a_backup_of_a_newer_program_is_refused(database: Database, empty_url: str) -> None:
    shape, pieces = await dump(database)
    newer = DumpShape("9999_tomorrow", shape.tables, shape.last_ids)
    with pytest.raises(Permanent) as caught:
        await backup.load_dump(empty_url, newer, handed(pieces), replace=False)
    assert caught.value.code == "backup_too_new"


async def test_numbers_that_json_does_not_know_come_back(
    database: Database, empty_url: str, open_database: OpenDatabase
) -> None:
    async with database.write() as tx:
        infinity = "'Infinity'" if tx.on_postgresql else "9e999"
        columns = "kind, shard, params, requested_by, requested_us, state, progress, note, updated_us"
        values = f"'x', 'hcm', '{{}}', 'lan', 1, 'queued', {infinity}, '', 1"
        await tx.execute(text(f"INSERT INTO work ({columns}) VALUES ({values})"))
    shape, pieces = await dump(database)
    await backup.load_dump(empty_url, shape, handed(pieces), replace=False)
    async with open_database(empty_url).read() as tx:
        assert await tx.scalar(text("SELECT progress FROM work")) == float("inf")


async def test_the_age_of_the_last_success_is_known(database: Database) -> None:
    ok = BackupRun("backup", "ok", "system", 100, 150, "/b/1", True, 10, "aa")
    failed = BackupRun("backup", "failed", "system", 200, 250, "/b/2", True, problem="backup_write_failed")
    async with database.write() as tx:
        never = await backup.age_us(tx, "backup", 300)
        await backup.note_run(tx, ok)
        await backup.note_run(tx, failed)
        ages = [await backup.age_us(tx, kind, 300) for kind in ("backup", "restore", "proof")]
        listed = await backup.runs(tx, kind="backup")
        audited = await audit.entries(tx, action="backup.backup")
    assert never is None
    assert ages == [200, None, None]
    assert [run.place for run in listed] == ["/b/2", "/b/1"]
    assert [entry.detail["outcome"] for entry in audited] == ["failed", "ok"]
