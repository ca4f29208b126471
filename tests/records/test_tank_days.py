"""Daily figures: a revision for every change, and for nothing else."""

from __future__ import annotations

import msgspec

from records.database import Database
from records.status import Refill, TankDay, put_tank_days, tank_days

DAY = TankDay(
    "tank:cho-lon-1",
    "2026-03-01",
    "bv-cho-lon",
    opening_kg=9000.1,
    closing_kg=8000.2,
    refilled_kg=500.0,
    consumed_kg=None,
    refills=(Refill(10, 20, 500.0, 3.5),),
    coverage=0.75,
    expected_samples=8640,
    good_samples=6480,
)


async def test_a_day_is_stored_as_given_and_absent_figures_stay_absent(database: Database) -> None:
    async with database.write() as tx:
        await put_tank_days(tx, [DAY], 50)
    async with database.read() as tx:
        (stored,) = await tank_days(tx, facility="bv-cho-lon", since="2026-03-01", until="2026-03-01")

    assert stored == msgspec.structs.replace(DAY, revision=1, updated_us=50)
    assert stored.consumed_kg is None
    assert stored.minimum_kg is None


async def test_the_revision_grows_only_when_something_changed(database: Database) -> None:
    later = msgspec.structs.replace(DAY, closing_kg=7900.0)
    async with database.write() as tx:
        first = await put_tank_days(tx, [DAY], 50)
        same = await put_tank_days(tx, [DAY], 60)
        changed = await put_tank_days(tx, [later], 70)
        emptied = await put_tank_days(tx, [msgspec.structs.replace(later, closing_kg=None)], 80)
        (stored,) = await tank_days(tx, since="2026-03-01", until="2026-03-01")

    assert [day.revision for day in first + same + changed + emptied] == [1, 2, 3]
    assert (stored.revision, stored.updated_us, stored.closing_kg) == (3, 80, None)


async def test_no_refill_differs_from_not_knowing(database: Database) -> None:
    none = msgspec.structs.replace(DAY, refills=(), refilled_kg=0.0)
    unknown = msgspec.structs.replace(DAY, subject="tank:x", refills=None, refilled_kg=None)
    async with database.write() as tx:
        await put_tank_days(tx, [none, unknown], 1)
        stored = await tank_days(tx, since="2026-03-01", until="2026-03-01")

    assert [(day.refilled_kg, day.refills) for day in stored] == [(0.0, ()), (None, None)]


async def test_days_are_chosen_by_date_subject_and_facility(database: Database) -> None:
    days = [
        msgspec.structs.replace(
            DAY, subject=f"tank:{tank}", local_date=f"2026-03-{day:02}", facility=f"bv-{tank}"
        )
        for tank in ("a", "b")
        for day in range(1, 32)
    ]
    async with database.write() as tx:
        await put_tank_days(tx, days, 1)
        by_facility = await tank_days(tx, facility="bv-b", since="2026-03-09", until="2026-03-11")
        by_subject = await tank_days(tx, subjects=["tank:a"], since="2026-03-31", until="2026-04-30")
        none = await tank_days(tx, subjects=[], since="2026-03-01", until="2026-03-31")

    assert [day.local_date for day in by_facility] == ["2026-03-09", "2026-03-10", "2026-03-11"]
    assert [(day.subject, day.local_date) for day in by_subject] == [("tank:a", "2026-03-31")]
    assert none == []


async def test_many_days_go_in_at_once(database: Database) -> None:
    """A backfill of thirty days and a hundred tanks passes the limit of variables of one statement."""
    days = [
        msgspec.structs.replace(DAY, subject=f"tank:t-{tank}", local_date=f"2026-03-{day:02}")
        for tank in range(100)
        for day in range(1, 31)
    ]
    async with database.write() as tx:
        assert len(await put_tank_days(tx, days, 1)) == 3000
        assert await put_tank_days(tx, days, 2) == []
