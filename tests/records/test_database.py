"""Units of work: nothing is lost, nothing is half done, and errors say what to do next."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from oxygen.errors import Permanent, Rejected, Retryable
from records import alarms, audit, messages, registry, status
from records.database import Database, RecordsSettings
from records.engines import Waits
from tests.records import samples
from tests.records.conftest import OpenDatabase
from tests.records.other_process import increment_once
from tests.servers import Postgres

IMPATIENT = Waits(lock_s=0.3, statement_s=0.5, connect_s=0.5)


async def start_other_process(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.records.other_process",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )


async def test_900_increments_by_writers_of_three_processes_are_all_kept(
    url: str, database: Database
) -> None:
    async with database.write() as tx:
        contact = await messages.put_contact(
            tx, messages.Contact("0", "email", "a@b.example"), actor="lan", now_us=1
        )
    others = [await start_other_process(url, "increment", str(contact.id), "300") for _ in range(2)]

    async def worker() -> None:
        for _ in range(50):
            await increment_once(database, contact.id)

    await asyncio.gather(*(worker() for _ in range(6)))
    assert [await other.wait() for other in others] == [0, 0]

    async with database.read() as tx:
        (stored,) = await messages.contacts(tx)
        changes = await audit.entries(tx, actor="counter", limit=2000)
    assert stored.name == "900"
    assert stored.version == 901
    assert len(changes) == 900


async def test_sqlite_keeps_900_unversioned_read_modify_writes(
    tmp_path: Path, sqlite_template: Path, open_database: OpenDatabase
) -> None:
    """A writing unit of work starts with the lock, so what it read cannot change before it writes."""
    path = tmp_path / "records.sqlite"
    path.write_bytes(sqlite_template.read_bytes())

    async def worker(database: Database) -> None:
        for _ in range(100):
            async with database.write() as tx:
                await alarms.put_cursor(tx, "count", await alarms.cursor(tx, "count") + 1)

    writers = [open_database(f"sqlite:///{path}") for _ in range(3)]
    await asyncio.gather(*(worker(database) for database in writers for _ in range(3)))

    async with writers[0].read() as tx:
        assert await alarms.cursor(tx, "count") == 900


async def test_a_process_killed_inside_a_transaction_leaves_the_old_state(
    url: str, database: Database
) -> None:
    async with database.write() as tx:
        await alarms.put_cursor(tx, "evaluator", 7)
    other = await start_other_process(url, "hold")
    assert other.stdout is not None
    assert await other.stdout.readline() == b"changed\n"

    other.kill()
    await other.wait()

    async with database.write() as tx:
        assert await alarms.cursor(tx, "evaluator") == 7
        await alarms.put_cursor(tx, "evaluator", 8)
    async with database.read() as tx:
        assert await alarms.cursor(tx, "evaluator") == 8


async def test_an_error_in_the_block_undoes_all_of_it(database: Database) -> None:
    async def change_and_fail() -> None:
        async with database.write() as tx:
            await alarms.put_cursor(tx, "evaluator", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()

    async with database.read() as tx:
        assert await alarms.cursor(tx, "evaluator") == 0


async def test_a_cancelled_writer_undoes_its_work_and_frees_the_lock(database: Database) -> None:
    started = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.write() as tx:
            await alarms.put_cursor(tx, "evaluator", 1)
            started.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(write_and_wait())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with database.write() as tx:
        assert await alarms.cursor(tx, "evaluator") == 0


async def test_a_reader_sees_one_snapshot_while_others_write(database: Database) -> None:
    async with database.read() as reader:
        before = await alarms.cursor(reader, "evaluator")
        async with database.write() as tx:
            await alarms.put_cursor(tx, "evaluator", 5)
        assert await alarms.cursor(reader, "evaluator") == before == 0


async def test_a_reading_unit_of_work_refuses_to_change_anything(database: Database) -> None:
    with pytest.raises(RuntimeError, match="write"):
        async with database.read() as tx:
            await alarms.put_cursor(tx, "evaluator", 5)


async def test_a_foreign_key_that_leads_nowhere_is_rejected_and_undone(database: Database) -> None:
    async def change_and_put() -> None:
        async with database.write() as tx:
            await alarms.put_cursor(tx, "evaluator", 5)
            await registry.put_gateway(tx, samples.GATEWAY, actor="lan", now_us=1)

    with pytest.raises(Rejected) as caught:
        await change_and_put()

    assert caught.value.code == "constraint"
    async with database.read() as tx:
        assert await alarms.cursor(tx, "evaluator") == 0


UNKNOWN_CODE = """
INSERT INTO work (kind, shard, params, requested_by, requested_us, state, progress, note, updated_us)
VALUES ('x', 'hcm', '{}', 'lan', 1, 'lost', 0, '', 1)
"""
MISSING_INSTANT = """
INSERT INTO status (shard, subject, facility, late, written_us, band, state, quality, body)
VALUES ('hcm', 'tank:a', 'bv', false, NULL, 'normal', 'ok', 'good', '{}')
"""


@pytest.mark.parametrize("statement", [UNKNOWN_CODE, MISSING_INSTANT])
async def test_a_value_that_the_schema_forbids_is_rejected(database: Database, statement: str) -> None:
    with pytest.raises(Rejected):
        async with database.write() as tx:
            await tx.execute(text(statement))


async def test_waiting_too_long_for_a_lock_is_retryable(url: str, open_database: OpenDatabase) -> None:
    holder, waiter = open_database(url), open_database(url, IMPATIENT)
    async with holder.write() as tx:
        await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=1)
        with pytest.raises(Retryable):
            async with waiter.write() as other:
                await status.append_statuses(other, "hcm", [samples.status()], late=False, written_us=2)

    async with waiter.write() as tx:
        assert await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=3) == [2]


async def test_a_writer_that_froze_loses_its_locks_and_learns_it(
    postgres_url: str, open_database: OpenDatabase
) -> None:
    """On PostgreSQL; SQLite's lock goes with the process, and nothing else writes there for long."""
    frozen, other = open_database(postgres_url, Waits(idle_s=0.3)), open_database(postgres_url)
    await other.migrate()
    some = [samples.status()]

    async def freeze() -> None:
        async with frozen.write() as tx:
            await status.append_statuses(tx, "hcm", some, late=False, written_us=1)
            async with other.write() as others:
                await status.append_statuses(others, "hcm", some, late=False, written_us=2)

    with pytest.raises(Retryable):
        await freeze()
    async with frozen.read() as tx:
        assert [row.written_us for row in await status.statuses_after(tx, 0)] == [2]


async def test_a_server_that_is_down_is_retryable_until_it_is_back(
    private_postgres: Postgres, open_database: OpenDatabase
) -> None:
    private_postgres.create_database("records")
    database = open_database(private_postgres.url("records"), IMPATIENT)
    await database.migrate()
    async with database.write() as tx:
        await alarms.put_cursor(tx, "evaluator", 1)

    async def lose_the_server() -> None:
        async with database.write() as tx:
            await alarms.put_cursor(tx, "evaluator", 2)
            private_postgres.kill()

    with pytest.raises(Retryable):
        await lose_the_server()
    with pytest.raises(Retryable):
        async with database.read() as tx:
            await alarms.cursor(tx, "evaluator")
    private_postgres.start()

    async with database.read() as tx:
        assert await alarms.cursor(tx, "evaluator") == 1


async def test_a_server_that_stands_still_is_retryable(
    private_postgres: Postgres, open_database: OpenDatabase
) -> None:
    private_postgres.create_database("records")
    database = open_database(private_postgres.url("records"), IMPATIENT)
    await database.migrate()
    private_postgres.pause()
    try:
        with pytest.raises(Retryable):
            async with database.read() as tx:
                await alarms.cursor(tx, "evaluator")
    finally:
        private_postgres.resume()

    async with database.read() as tx:
        assert await alarms.cursor(tx, "evaluator") == 0


async def test_a_database_that_does_not_exist_needs_a_person(
    postgres: Postgres, open_database: OpenDatabase
) -> None:
    with pytest.raises(Permanent):
        async with open_database(postgres.url("nowhere")).read() as tx:
            await alarms.cursor(tx, "evaluator")


async def test_a_file_that_is_no_database_needs_a_person(tmp_path: Path, open_database: OpenDatabase) -> None:
    path = tmp_path / "records.sqlite"
    path.write_text("Sổ tay bồn oxy lỏng\n" * 200, encoding="utf-8")
    database = open_database(f"sqlite:///{path}")

    with pytest.raises(Permanent):
        await database.migrate()
    with pytest.raises(Permanent):
        async with database.write() as tx:
            await alarms.cursor(tx, "evaluator")


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://a/b", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(Permanent) as caught:
        RecordsSettings(url=address).open()

    assert caught.value.code == "bad_records_address"


def test_settings_read_the_password_from_a_file_and_never_show_the_address(
    tmp_path: Path, postgres: Postgres
) -> None:
    secret = tmp_path / "password"
    secret.write_text("mật khẩu / @:\n", encoding="utf-8")
    settings = RecordsSettings(url=postgres.url("postgres"), password_file=secret)

    async def answer() -> int:
        database = settings.open()
        try:
            async with database.read() as tx:
                return int(await tx.scalar(text("SELECT 1")))
        finally:
            await database.close()

    assert asyncio.run(answer()) == 1
    assert str(postgres.port) not in repr(settings)


async def test_the_file_of_the_records_is_closed_to_other_users(
    tmp_path: Path, open_database: OpenDatabase
) -> None:
    path = tmp_path / "new" / "records.sqlite"
    await open_database(f"sqlite:///{path}").migrate()

    assert path.stat().st_mode & 0o077 == 0
