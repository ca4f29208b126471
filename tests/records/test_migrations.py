"""The schema: made by migrations, equal to the models, and history that nobody can rewrite."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from oxygen.errors import Permanent
from records import alarms, audit, fleet, leases, messages, migrate, registry, reports, status, work
from records.database import Database, Transaction
from records.engines import Waits, make_engine
from records.tables import APPEND_ONLY, metadata
from tests.records import samples
from tests.records.conftest import OpenDatabase
from tests.records.test_database import start_other_process

_SQLITE_SHAPE = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
_POSTGRES_SHAPE = """
SELECT table_name || '.' || column_name AS name,
       data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS sql
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'grafana%'
UNION ALL SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


def _shape(connection: Connection) -> dict[str, list[str]]:
    query = _SQLITE_SHAPE if connection.dialect.name == "sqlite" else _POSTGRES_SHAPE
    rows = connection.execute(text(query)).mappings()
    return {row["name"]: _parts(row["sql"]) for row in rows if "alembic" not in row["name"]}


def _parts(sql: str) -> list[str]:
    """Return the parts of a definition sorted: constraints may be written in any order."""
    return sorted(re.sub(r"[\s\"()]+", " ", part).strip() for part in sql.split(","))


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def _shape_of_models(url: str) -> Mapping[str, list[str]]:
    engine = make_engine(url, Waits())
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        shape = await connection.run_sync(_shape)
        await connection.rollback()
    await engine.dispose()
    return shape


async def test_migrations_make_exactly_the_tables_of_the_models(
    empty_url: str, open_database: OpenDatabase
) -> None:
    """Checks and partial indexes too, which Alembic's own comparison passes over."""
    await open_database(empty_url).migrate()
    engine = make_engine(empty_url, Waits())
    async with engine.begin() as connection:
        differences = await connection.run_sync(_differences)
        migrated = await connection.run_sync(_shape)
    await engine.dispose()

    await migrate.downgrade(empty_url)
    modelled = await _shape_of_models(empty_url)

    assert differences == []
    assert migrated == modelled
    assert len(migrated) > 40


async def test_going_down_leaves_nothing_and_up_again_works(
    empty_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(empty_url)
    await database.migrate()
    await migrate.downgrade(empty_url)
    engine = make_engine(empty_url, Waits())
    async with engine.begin() as connection:
        left = {name.split(".")[0] for name in await connection.run_sync(_shape)}
    await engine.dispose()
    await database.migrate()

    assert left <= {"sqlite_sequence"}
    async with database.read() as tx:
        assert await registry.registry_version(tx) == 0


async def test_processes_that_start_at_once_migrate_once(empty_url: str, open_database: OpenDatabase) -> None:
    processes = [await start_other_process(empty_url, "migrate") for _ in range(3)]
    database = open_database(empty_url)
    await asyncio.gather(*(database.migrate() for _ in range(3)))
    assert [await process.wait() for process in processes] == [0, 0, 0]

    async with database.read() as tx:
        assert await registry.registry_version(tx) == 0


async def test_a_schema_from_a_newer_program_stops_start_up(url: str, database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999_tomorrow'"))

    with pytest.raises(Permanent) as caught:
        await database.migrate()
    assert caught.value.code == "unknown_schema"


async def _one_row_each(tx: Transaction) -> None:
    await registry.put_rule_setting(
        tx, rule="low_stock", scope_kind="default", scope_code="", params={}, actor="lan", now_us=1
    )
    await audit.record(tx, at_us=1, actor="lan", action="test", subject="test")
    await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    await registry.record_step(tx, samples.CONVERSION_STEP, actor="lan", now_us=1)
    await audit.seal(tx, 2)
    await samples.raise_alarm(tx)
    await reports.save_report(tx, "bv-cho-lon", "2026-03-01", 0, {}, "draft", "lan", 1)
    await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    await fleet.put_config(tx, samples.GATEWAY.code, "a = 1\n", note="", actor="lan", now_us=1)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id + 1000", "DELETE FROM {}"])
async def test_history_refuses_to_be_changed(database: Database, table: str, change: str) -> None:
    async with database.write() as tx:
        await _one_row_each(tx)

    with pytest.raises(Permanent) as caught:
        async with database.write() as tx:
            await tx.execute(text(change.format(table)))

    assert caught.value.code == "append_only"
    async with database.read() as tx:
        ids = [row["id"] for row in await tx.rows(text(f"SELECT id FROM {table}"))]
    assert ids
    assert max(ids) < 1000


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_history_refuses_to_be_emptied_or_replaced(database: Database, table: str) -> None:
    async with database.write() as tx:
        await _one_row_each(tx)
        on_postgresql = tx.on_postgresql
    replace = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"
    around = f"TRUNCATE {table} CASCADE" if on_postgresql else replace

    with pytest.raises(Permanent):
        async with database.write() as tx:
            await tx.execute(text(around))


async def test_dashboards_read_alarms_and_deliveries_with_real_times(database: Database) -> None:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        raised = await samples.raise_alarm(tx, at_us=1_772_323_200_000_000)
        await alarms.acknowledge(tx, raised.id, actor="lan", now_us=1_772_323_260_000_000)
        await messages.enqueue(tx, [samples.message("k")])
    async with database.read() as tx:
        (alarm,) = await tx.rows(text("SELECT * FROM grafana_alarm"))
        (delivery,) = await tx.rows(text("SELECT * FROM grafana_delivery"))

    moment = str(alarm["raised_at"]).replace("T", " ")
    assert moment.startswith("2026-03-01 00:00:00")
    assert alarm["facility_name_vi"] == "Bệnh viện Chợ Lớn (mô phỏng)"
    assert (alarm["severity"], alarm["state"], bool(alarm["acknowledged"])) == ("reorder", "open", True)
    assert (delivery["state"], delivery["channel"], delivery["messages"]) == ("queued", "email", 1)


async def test_rows_of_before_leases_are_kept_on_the_way_up_and_down(
    empty_url: str, open_database: OpenDatabase
) -> None:
    database = open_database(empty_url)
    await database.migrate()
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        await status.append_statuses(tx, "hcm", [samples.status()], late=False, written_us=5)
        await status.put_ledger(tx, status.EpochLedger("gw", "e", ((1, 9),), 1))
        await work.request_work(tx, "recompute", "hcm", {}, actor="lan", now_us=1)
    await migrate.downgrade(empty_url, "0009_grants")
    await open_database(empty_url).migrate()
    async with open_database(empty_url).read() as tx:
        (row,) = await status.statuses_after(tx, 0)
        (ledger,) = await status.ledgers(tx)
        item = await work.work_item(tx, 1)
        shards = await leases.shards(tx)

    assert (row.status, row.lease_token) == (samples.status(), 0)
    assert (ledger.ranges, ledger.lease_token) == (((1, 9),), 0)
    assert item is not None
    assert item.lease_token == 0
    assert shards == ["hcm"]
