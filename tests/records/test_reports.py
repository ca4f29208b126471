"""Report versions: added to, never overwritten; a final one keeps the rows it was made from."""

from __future__ import annotations

import msgspec
import pytest

from oxygen.errors import Rejected
from records import audit, reports, status
from records.database import Database
from tests.records.test_tank_days import DAY

TYPED = {"tank:cho-lon-1.opening": reports.Correction(8900.0, "đọc theo đồng hồ")}


async def test_every_version_stays_readable(database: Database) -> None:
    async with database.write() as tx:
        first = await reports.save_report(tx, "bv-a", "2026-03-01", 0, {}, "draft", "lan", 1)
        second = await reports.save_report(tx, "bv-a", "2026-03-01", 1, TYPED, "draft", "minh", 2, note="sửa")

        assert await reports.report_versions(tx, "bv-a", "2026-03-01") == [second, first]
        assert await reports.report_versions(tx, "bv-a", "2026-03-02") == []
        entries = await audit.entries(tx, action="report.save")
    assert (second.version, second.corrections, second.author, second.note) == (2, TYPED, "minh", "sửa")
    assert first.corrections == {}
    assert entries[0].detail["corrections"]["tank:cho-lon-1.opening"]["value_kg"] == 8900.0


@pytest.mark.parametrize("expected", [0, 2])
async def test_a_version_that_is_not_the_next_one_is_refused(database: Database, expected: int) -> None:
    async with database.write() as tx:
        await reports.save_report(tx, "bv-a", "2026-03-01", 0, {}, "draft", "lan", 1)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await reports.save_report(tx, "bv-a", "2026-03-01", expected, TYPED, "draft", "minh", 2)
    assert caught.value.code == "changed_meanwhile"


async def test_a_final_version_keeps_its_rows_when_late_data_change_them(database: Database) -> None:
    other = msgspec.structs.replace(DAY, subject="tank:elsewhere", facility="bv-can-gio")
    async with database.write() as tx:
        await status.put_tank_days(tx, [DAY, other], 10)
        final = await reports.save_report(tx, "bv-cho-lon", "2026-03-01", 0, {}, "final", "lan", 20)
        await status.put_tank_days(tx, [msgspec.structs.replace(DAY, closing_kg=1.0)], 30)
        (stored,) = await reports.report_versions(tx, "bv-cho-lon", "2026-03-01")

    assert stored == final
    assert stored.tank_days == (msgspec.structs.replace(DAY, revision=1, updated_us=10),)


async def test_a_list_of_reports_shows_the_newest_of_each(database: Database) -> None:
    async with database.write() as tx:
        for facility, day, versions in (
            ("bv-b", "01", 1),
            ("bv-a", "01", 3),
            ("bv-a", "02", 2),
            ("bv-a", "09", 1),
        ):
            for version in range(versions):
                await reports.save_report(tx, facility, f"2026-03-{day}", version, {}, "draft", "lan", 1)
        listed = await reports.reports(tx, "2026-03-01", "2026-03-08")

    assert [(one.facility, one.local_date, one.version) for one in listed] == [
        ("bv-a", "2026-03-01", 3),
        ("bv-b", "2026-03-01", 1),
        ("bv-a", "2026-03-02", 2),
    ]
