"""Daily figures of tanks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select, tuple_

from policy.daily_figures import TankDay
from records.database import Transaction
from records.status.models import tank_day

_KEY = ("subject", "local_date")
_CHUNK = 400


async def put_tank_days(tx: Transaction, days: Sequence[TankDay], now_us: int) -> list[TankDay]:
    """Store days, and return those that changed, as stored.

    A row's revision grows only when something in it changed; `revision` and `updated_us` of the argument are
    ignored. A day given twice counts once, the later one.
    """
    wanted = {(day.subject, day.local_date): day for day in days}
    before = await _stored(tx, list(wanted))
    changed = [
        msgspec.structs.replace(day, revision=old.revision + 1 if old else 1, updated_us=now_us)
        for key, day in sorted(wanted.items())
        if not _same(old := before.get(key), day)
    ]
    if changed:
        statement = tx.insert(tank_day)
        replaced: dict[str, ColumnElement[Any]] = {
            name: statement.excluded[name] for name in TankDay.__struct_fields__ if name not in _KEY
        }
        replaced["revision"] = tank_day.c.revision + 1
        upsert = statement.on_conflict_do_update(index_elements=list(_KEY), set_=replaced)
        await tx.execute(upsert, [msgspec.structs.asdict(day) for day in changed])
    return changed


async def tank_days(
    tx: Transaction,
    *,
    subjects: Sequence[str] | None = None,
    facility: str | None = None,
    since: str,
    until: str,
    within: ColumnElement[bool] | None = None,
) -> list[TankDay]:
    """Return the days from `since` to `until` (YYYY-MM-DD, both included) by subject and date.

    Of the named subjects, of a facility, or of all, and `within` a condition of `records.permission`; days
    without a row are not made up.
    """
    table = tank_day.c
    query = select(tank_day).where(table.local_date >= since, table.local_date <= until)
    if subjects is not None:
        query = query.where(table.subject.in_(subjects))
    if facility is not None:
        query = query.where(table.facility == facility)
    if within is not None:
        query = query.where(within)
    return [TankDay(**row) for row in await tx.rows(query.order_by(table.subject, table.local_date))]


async def _stored(tx: Transaction, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], TankDay]:
    found: dict[tuple[str, str], TankDay] = {}
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        query = select(tank_day).where(tuple_(tank_day.c.subject, tank_day.c.local_date).in_(chunk))
        for row in await tx.rows(query):
            found[row["subject"], row["local_date"]] = TankDay(**row)
    return found


def _same(old: TankDay | None, new: TankDay) -> bool:
    if old is None:
        return False
    return msgspec.structs.replace(new, revision=old.revision, updated_us=old.updated_us) == old
