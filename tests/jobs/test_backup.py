"""Backups of everything: made while everything is written, everything destroyed, everything back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from jobs.backup.encryption import Secret, read_secret
from jobs.backup.making import make_backup
from jobs.backup.restoring import Restored, prove_backup, restore_backup
from oxygen.errors import OxyWatchError, Permanent, Rejected
from records import audit
from records import backup as records_backup
from records.database import Database
from telemetry import EmbeddedSettings, InfluxSettings, TelemetrySettings
from tests.conftest import InfluxDatabase
from tests.jobs.site import AT_US, Site, point, rows_of, tables_of


@pytest.fixture(params=["sqlite", "postgresql"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """One machine's installation, or a city's."""
    telemetry: TelemetrySettings
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/live/records.sqlite"
        (tmp_path / "live").mkdir()
        telemetry = EmbeddedSettings(path=tmp_path / "live" / "telemetry.sqlite")
    else:
        url = request.getfixturevalue("postgres_url")
        influx: InfluxDatabase = request.getfixturevalue("influx_database")
        telemetry = InfluxSettings(url=influx.url, api="v1", database=influx.name)
    opened = Site(url, telemetry)
    await opened.database.migrate()
    yield opened
    await opened.close()


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    found = read_secret(None, tmp_path / "key")
    assert found is not None
    return found


def destroy(site: Site, request: pytest.FixtureRequest) -> None:
    """Leave nothing of the records and the time series."""
    if isinstance(site.telemetry, EmbeddedSettings):
        shutil.rmtree(site.telemetry.path.parent)
        return
    server = request.getfixturevalue("postgres")
    name = site.url.rpartition("/")[2]
    server.drop_database(name)
    server.create_database(name)
    influx: InfluxDatabase = request.getfixturevalue("influx_database")
    influx.server.drop_database(influx.name)


async def restored(
    path: Path, site: Site, secret: Secret | None = None, *, replace: bool = False
) -> Restored:
    return await restore_backup(
        path, secret, site.url, site.telemetry, replace=replace, clock=lambda: AT_US, actor="console"
    )


async def test_everything_destroyed_comes_back_as_it_was_when_the_backup_was_made(
    site: Site, secret: Secret, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A writer goes on during the backup; what it finished before is there, and no half of anything."""
    for _ in range(60):
        await site.write()
    stop = asyncio.Event()

    async def write_on() -> None:
        while not stop.is_set():
            await site.write()

    writing = asyncio.create_task(write_on())
    await asyncio.sleep(0.05)
    mails_before, points_before = site.mails, site.points
    said: list[tuple[str, int, int]] = []
    made = await make_backup(
        site.database,
        site.telemetry,
        tmp_path / "b.backup",
        secret,
        clock=lambda: AT_US,
        actor="lan",
        progress=lambda *given: said.append(given),
    )
    mails_after, points_after = site.mails, site.points
    stop.set()
    await writing
    live = await tables_of(site.url)
    live_rows = await rows_of(site.telemetry)
    await site.close()
    destroy(site, request)

    found = await restored(made.path, site, secret)

    back = await tables_of(site.url)
    mails = len(back["received_mail"])
    assert mails_before <= mails <= mails_after
    assert mails_after > mails_before, "the writer has to go on during the backup"
    assert back["received_mail"] == live["received_mail"][:mails]
    # One transaction wrote both: the snapshot has as many of the one as of the other. The restore adds a row.
    assert back["audit"][:-1] == live["audit"][:mails]
    assert back["audit"][-1][3] == "backup.restore"
    assert back["audit_block"] == live["audit_block"][: len(back["audit_block"])]
    assert found.audit.problems == []
    changing = {"received_mail", "audit", "audit_block", "audit_unsealed", "backup_run"}
    assert {name: rows for name, rows in back.items() if name not in changing} == {
        name: rows for name, rows in live.items() if name not in changing
    }
    rows = await rows_of(site.telemetry)
    assert points_before <= len(rows) <= points_after + 1
    assert rows == live_rows[: len(rows)]
    assert {what for what, _, _ in said} == {"records", "time series"}
    assert made.manifest.telemetry == site.telemetry.kind


async def test_a_restored_site_goes_on(small: Site, tmp_path: Path) -> None:
    made = await make_backup(
        small.database, small.telemetry, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="lan"
    )
    await restored(made.path, small, replace=True)
    again = Site(small.url, small.telemetry)
    again.mails, again.points = small.mails, small.points
    await again.write()
    async with again.database.write() as tx:
        await audit.seal(tx, AT_US)
        verdict = await audit.verify(tx)
    await again.close()
    assert verdict.problems == []
    assert len(await rows_of(small.telemetry)) == 13


async def test_what_is_there_is_replaced_only_when_told_and_a_bad_backup_never(
    small: Site, tmp_path: Path
) -> None:
    made = await make_backup(
        small.database, small.telemetry, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="lan"
    )
    await small.write()
    before, rows_before = await tables_of(small.url), await rows_of(small.telemetry)

    with pytest.raises(Rejected) as full:
        await restored(made.path, small)
    cut = tmp_path / "cut.backup"
    cut.write_bytes(made.path.read_bytes()[:-2000])
    with pytest.raises(Rejected) as bad:
        await restored(cut, small, replace=True)

    assert full.value.code == "restore_not_empty"
    assert bad.value.code == "backup_unreadable"
    assert await tables_of(small.url) == before
    assert await rows_of(small.telemetry) == rows_before


async def test_records_move_from_one_database_to_the_other(
    small: Site, postgres_url: str, tmp_path: Path
) -> None:
    made = await make_backup(
        small.database, None, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="x"
    )
    await restore_backup(
        made.path, None, postgres_url, None, replace=False, clock=lambda: AT_US, actor="console"
    )
    noted = ("audit", "audit_unsealed", "backup_run")
    assert await tables_of(postgres_url, without=noted) == await tables_of(small.url, without=noted)


async def test_a_time_series_of_one_kind_is_refused_by_the_other_before_anything_changes(
    small: Site, influx_database: InfluxDatabase, tmp_path: Path
) -> None:
    made = await make_backup(
        small.database, small.telemetry, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="x"
    )
    influx = InfluxSettings(url=influx_database.url, api="v1", database=influx_database.name)
    target = tmp_path / "new" / "records.sqlite"
    with pytest.raises(Rejected) as caught:
        await restore_backup(
            made.path, None, f"sqlite:///{target}", influx, replace=False, clock=lambda: AT_US, actor="x"
        )
    assert caught.value.code == "backup_other_store"
    assert not target.exists()


async def test_an_influx_with_points_is_replaced_only_when_told(
    influx_database: InfluxDatabase, tmp_path: Path
) -> None:
    influx = InfluxSettings(url=influx_database.url, api="v1", database=influx_database.name)
    site = Site(f"sqlite:///{tmp_path}/records.sqlite", influx)
    await site.database.migrate()
    await site.write()
    made = await make_backup(site.database, influx, tmp_path / "b.backup", None, clock=lambda: 1, actor="x")
    await site.store.write([point(1), point(2)])
    with pytest.raises(Rejected) as caught:
        await restored(made.path, site)
    held = len(await rows_of(influx))
    await restored(made.path, site, replace=True)
    await site.close()
    assert caught.value.code == "restore_not_empty"
    assert held == 3
    assert [row.t_us for row in await rows_of(influx)] == [AT_US]


async def test_a_backup_is_proven_without_touching_the_site(small: Site, tmp_path: Path) -> None:
    made = await make_backup(
        small.database, small.telemetry, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="lan"
    )
    proven = await prove_backup(made.path, None, small.database, clock=lambda: AT_US + 5, actor="lan")
    async with small.database.read() as tx:
        age = await records_backup.age_us(tx, "proof", AT_US + 9)
    assert proven.manifest == made.manifest
    assert age == 4


async def test_a_proof_that_fails_is_noted_and_proves_nothing(small: Site, tmp_path: Path) -> None:
    """A damaged file, and a sound file of records that somebody tampered with."""
    bad = tmp_path / "bad.backup"
    bad.write_bytes(b"no backup")
    with pytest.raises(Rejected):
        await prove_backup(bad, None, small.database, clock=lambda: AT_US, actor="lan")
    async with small.database.write() as tx:
        await tx.execute(text("DROP TRIGGER audit_no_update"))
        await tx.execute(text("UPDATE audit SET actor = 'minh' WHERE id = 2"))
    made = await make_backup(
        small.database, None, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="x"
    )
    proven = await prove_backup(made.path, None, small.database, clock=lambda: AT_US, actor="lan")

    async with small.database.read() as tx:
        runs = await records_backup.runs(tx, kind="proof")
        success = await records_backup.last_success(tx, "proof")
    assert [problem.row for problem in proven.audit.problems] == [2]
    assert [run.problem for run in runs] == ["audit_tampered", "backup_unreadable"]
    assert success is None


async def test_a_backup_that_fails_is_noted_and_leaves_no_file(small: Site, tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        await make_backup(
            small.database, None, tmp_path / "no folder" / "b", None, clock=lambda: AT_US, actor="x"
        )
    async with small.database.read() as tx:
        (run,) = await records_backup.runs(tx)
    assert (run.kind, run.outcome, run.problem) == ("backup", "failed", "backup_write_failed")


async def test_a_missing_store_is_no_reason_for_no_backup(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    await database.migrate()
    series = EmbeddedSettings(path=tmp_path / "t.sqlite")
    made = await make_backup(database, series, tmp_path / "b.backup", None, clock=lambda: AT_US, actor="x")
    await database.close()
    assert [member.name for member in made.manifest.members if member.name.startswith("telemetry")] == []
    with pytest.raises(OxyWatchError):
        await rows_of(series)
