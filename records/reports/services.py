"""Versions of a daily facility report: what people typed over the automatic figures, never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from policy.daily_figures import Correction, ReportVersion
from records import audit
from records.database import Transaction
from records.refusals import changed_meanwhile, check_one_of
from records.reports.models import STATES, report_version
from records.status import tank_days


async def save_report(
    tx: Transaction,
    facility: str,
    local_date: str,
    expected_version: int,
    corrections: Mapping[str, Correction],
    state: str,
    author: str,
    now_us: int,
    *,
    note: str = "",
) -> ReportVersion:
    """Add the version after `expected_version` (0: the first) and return it; earlier ones stay.

    Raises Rejected `changed_meanwhile` when somebody else has written that version.
    """
    check_one_of("state", state, STATES)
    days = (
        await tank_days(tx, facility=facility, since=local_date, until=local_date)
        if state == "final"
        else None
    )
    values: dict[str, Any] = {
        "facility": facility,
        "local_date": local_date,
        "version": expected_version + 1,
        "state": state,
        "corrections": dict(corrections),
        "tank_days": None if days is None else tuple(days),
        "note": note,
        "author": author,
        "written_us": now_us,
    }
    if await _newest(tx, facility, local_date) != expected_version:
        raise changed_meanwhile("report", f"{facility} {local_date}")
    statement = (
        tx.insert(report_version).values(values).on_conflict_do_nothing().returning(report_version.c.id)
    )
    number = await tx.scalar(statement)
    if number is None:
        raise changed_meanwhile("report", f"{facility} {local_date}")
    detail = {
        "version": values["version"],
        "state": state,
        "corrections": values["corrections"],
        "note": note,
    }
    await audit.record(
        tx,
        at_us=now_us,
        actor=author,
        action="report.save",
        subject=f"report:{facility}/{local_date}",
        detail=detail,
    )
    return ReportVersion(id=int(number), **values)


async def report_versions(tx: Transaction, facility: str, local_date: str) -> list[ReportVersion]:
    """Return every version of a report, newest first; empty when nobody has written one."""
    table = report_version
    query = select(table).where(table.c.facility == facility, table.c.local_date == local_date)
    return [ReportVersion(**row) for row in await tx.rows(query.order_by(table.c.version.desc()))]


async def reports(tx: Transaction, since: str, until: str) -> list[ReportVersion]:
    """Return the newest version of each report of the days `since`…`until` (both included), in order."""
    table = report_version
    newest = (
        select(table.c.facility, table.c.local_date, func.max(table.c.version).label("version"))
        .where(table.c.local_date >= since, table.c.local_date <= until)
        .group_by(table.c.facility, table.c.local_date)
        .subquery()
    )
    same = (
        (table.c.facility == newest.c.facility)
        & (table.c.local_date == newest.c.local_date)
        & (table.c.version == newest.c.version)
    )
    query = select(table).join(newest, same).order_by(table.c.local_date, table.c.facility)
    return [ReportVersion(**row) for row in await tx.rows(query)]


async def _newest(tx: Transaction, facility: str, local_date: str) -> int:
    table = report_version.c
    query = select(func.max(table.version)).where(table.facility == facility, table.local_date == local_date)
    return int(await tx.scalar(query) or 0)
