"""Versions of a daily facility report: what people typed over the automatic figures, never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select

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
    days = await tank_days(tx, facility=facility, since=local_date, until=local_date)
    values: dict[str, Any] = {
        "facility": facility,
        "local_date": local_date,
        "version": expected_version + 1,
        "state": state,
        "corrections": dict(corrections),
        "tank_days": tuple(days) if state == "final" else None,
        "note": note,
        "author": author,
        "written_us": now_us,
    }
    saved = ReportVersion(id=await _add(tx, values), **values)
    detail = {name: values[name] for name in ("version", "state", "corrections", "note")}
    subject = f"report:{facility}/{local_date}"
    await audit.record(tx, at_us=now_us, actor=author, action="report.save", subject=subject, detail=detail)
    return saved


async def report_versions(tx: Transaction, facility: str, local_date: str) -> list[ReportVersion]:
    """Return every version of a report, newest first; empty when nobody has written one."""
    table = report_version
    query = select(table).where(table.c.facility == facility, table.c.local_date == local_date)
    return [ReportVersion(**row) for row in await tx.rows(query.order_by(table.c.version.desc()))]


async def reports(
    tx: Transaction, since: str, until: str, *, within: ColumnElement[bool] | None = None
) -> list[ReportVersion]:
    """Return the newest version of each report of the days `since`…`until` (both included), in order.

    `within` is a condition of `records.permission`.
    """
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
    if within is not None:
        query = query.where(within)
    return [ReportVersion(**row) for row in await tx.rows(query)]


async def _add(tx: Transaction, values: dict[str, Any]) -> int:
    """Insert the version after the newest one and return its id; Rejected when it is not the next."""
    table = report_version
    same_report = (table.c.facility == values["facility"]) & (table.c.local_date == values["local_date"])
    newest = await tx.scalar(select(func.max(table.c.version)).where(same_report)) or 0
    statement = tx.insert(table).values(values).on_conflict_do_nothing().returning(table.c.id)
    number = await tx.scalar(statement) if values["version"] == newest + 1 else None
    if number is None:
        raise changed_meanwhile("report", f"{values['facility']} {values['local_date']}")
    return int(number)
