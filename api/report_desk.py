"""Reads and corrects daily reports; pages and JSON share it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from fastapi import Request

from api.context import context_of
from api.errors import ApiError
from api.scoped import reading, refuse_unless, visible_in, visitor_in, writing
from oxygen.local_time import local_day
from policy.daily_report import DailyReport, FigureName, assemble, figure_key
from records import reports
from records.permission import View
from records.registry import Facility, Tank
from records.reports import Correction, ReportVersion

NOTE_LIMIT = 1000


class Folder(msgspec.Struct, frozen=True):
    """A facility's report of one day with all that belongs to it.

    Attributes:
        report: The version asked for, the newest unless another was.
        versions: Every typed version, newest first.
        tanks: The facility's tanks, in the order of the report.
    """

    facility: Facility
    day: date
    tanks: tuple[Tank, ...]
    report: DailyReport
    versions: tuple[ReportVersion, ...]

    @property
    def newest_version(self) -> int:
        """Number that a change has to build on; 0 when nobody has written one."""
        return self.versions[0].version if self.versions else 0


class Change(msgspec.Struct, frozen=True):
    """One correction to be saved.

    Attributes:
        figure: Key of the figure, as `tank:CODE.opening`.
        value_kg: What it is to be; None says that it is not known.
        restore: Take the typed figure back and let the automatic one stand.
        note: Why; never empty.
        version: The version that the person saw.
    """

    figure: str
    value_kg: float | None
    restore: bool
    note: str
    version: int


def parse_day(text: str, now_us: int) -> date:
    """Return a local day that has begun; raises ApiError 404 `bad_day` or `day_to_come`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ApiError(404, "bad_day", value=text) from None
    if day.isoformat() != text:
        raise ApiError(404, "bad_day", value=text)
    if day > local_day(now_us):
        raise ApiError(404, "day_to_come", day=text)
    return day


async def open_folder(
    request: Request, facility_code: str, day_text: str, version: int | None = None
) -> Folder:
    """Return a report; raises ApiError 404 for a facility, day or version that the visitor cannot see."""
    now_us = context_of(request).clock()
    day = parse_day(day_text, now_us)
    async with reading(request) as view:
        return await _read(request, view, facility_code, day, version)


async def save_change(request: Request, facility_code: str, day_text: str, change: Change) -> ReportVersion:
    """Add a version with one figure changed and return it; the others are carried over.

    Raises:
        ApiError: 404 as `open_folder`; 403 `not_allowed`; 422 `unknown_figure` or `note_missing`.
        Rejected: `changed_meanwhile` when `change.version` is not the newest.
    """
    note = change.note.strip()[:NOTE_LIMIT]
    if not note:
        raise ApiError(422, "note_missing")
    now_us = context_of(request).clock()
    day = parse_day(day_text, now_us)
    async with writing(request) as (tx, view):
        folder = await _read(request, view, facility_code, day, None)
        refuse_unless(visible_in(request).on_facility("reports:correct", facility_code))
        check_figure(folder, change.figure)
        newest = folder.versions[0] if folder.versions else None
        corrections = dict(newest.corrections) if newest else {}
        if change.restore:
            corrections.pop(change.figure, None)
        else:
            corrections[change.figure] = Correction(change.value_kg, note)
        return await reports.save_report(
            tx,
            facility_code,
            day.isoformat(),
            change.version,
            corrections,
            newest.state if newest else "draft",
            visitor_in(request).username,
            now_us,
            note=note,
        )


async def finalise(request: Request, facility_code: str, day_text: str, version: int) -> ReportVersion:
    """Add a final version, which keeps a copy of the rows it shows, and return it.

    Raises ApiError 404 as `open_folder`, 403 `not_allowed`, 422 `day_not_over`; Rejected `changed_meanwhile`.
    """
    now_us = context_of(request).clock()
    author = visitor_in(request).username
    day = parse_day(day_text, now_us)
    async with writing(request) as (tx, view):
        folder = await _read(request, view, facility_code, day, None)
        refuse_unless(visible_in(request).on_facility("reports:finalise", facility_code))
        if not folder.report.day_over:
            raise ApiError(422, "day_not_over", day=day_text)
        corrections = folder.versions[0].corrections if folder.versions else {}
        return await reports.save_report(
            tx, facility_code, day.isoformat(), version, corrections, "final", author, now_us
        )


def check_figure(folder: Folder, key: str) -> None:
    """Raise ApiError 422 `unknown_figure` unless the report has a figure of that key."""
    if key not in figure_keys(folder.tanks):
        raise ApiError(422, "unknown_figure", figure=key)


def figure_keys(tanks: Sequence[Tank]) -> frozenset[str]:
    """Return the keys of every figure that can be corrected."""
    return frozenset(figure_key(tank.subject, name) for tank in tanks for name in FigureName)


async def _read(request: Request, view: View, facility_code: str, day: date, version: int | None) -> Folder:
    facility = view.facility(facility_code, "reports:read")
    if facility is None:
        raise ApiError(404, "facility_not_found", facility=facility_code)
    tanks = view.reported_tanks(facility_code)
    iso = day.isoformat()
    days = await view.tank_days(facility=facility_code, since=iso, until=iso, action="reports:read")
    versions = tuple(await view.report_versions(facility_code, iso))
    shown = versions[0] if versions else None
    if version is not None:
        shown = next((one for one in versions if one.version == version), None)
        if shown is None and version != 0:
            raise ApiError(404, "report_not_found", day=iso)
    subjects = [tank.subject for tank in tanks]
    report = assemble(facility_code, iso, subjects, days, shown, context_of(request).clock())
    return Folder(facility=facility, day=day, tanks=tanks, report=report, versions=versions)
