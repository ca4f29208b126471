"""Daily reports: the list of days, one day, and correcting a figure in two steps."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import formats
from api.access import needs
from api.context import context_of
from api.errors import ApiError, error_text
from api.language import Language
from api.render import language_of, page
from api.report_desk import Change, Folder, check_figure, finalise, open_folder, parse_day, save_change
from api.scoped import reading, visible_in
from api.typed_numbers import parse_number, spell_number
from api.views.overview import facility_name
from api.views.report_texts import (
    coverage_text,
    key_label,
    sections,
    state_text,
    totals,
    version_texts,
)
from api.visitor import field_text, signed_form
from oxygen.errors import Rejected
from oxygen.local_time import local_day
from oxygen.messages import LOCALES
from oxygen.units import kg_from_litres_of_boiling_liquid, kg_from_normal_cubic_metres

router = APIRouter(include_in_schema=False, dependencies=[Depends(needs("reports:read"))])
CORRECTING = Depends(needs("reports:correct"))

DAYS_SHOWN = 14
UNITS = ("kg", "L", "Nm³")


@router.get("/reports")
async def report_list(request: Request) -> Response:
    """Show the reports of two weeks up to `?until=`, today unless given."""
    context = context_of(request)
    words = await language_of(request)
    today = local_day(context.clock())
    asked = request.query_params.get("until")
    until = parse_day(asked, context.clock()) if asked else today
    since = until - timedelta(days=DAYS_SHOWN - 1)
    async with reading(request) as view:
        places = view.reporting_facilities()
        written = await view.reports(since.isoformat(), until.isoformat())
        measured = await view.tank_days(
            since=since.isoformat(), until=until.isoformat(), action="reports:read"
        )
    states = {(day.facility, day.local_date): state_text("automatic", words) for day in measured}
    states |= {(one.facility, one.local_date): state_text(one.state, words) for one in written}
    days = [until - timedelta(days=offset) for offset in range(DAYS_SHOWN)]
    return await page(
        request,
        "reports.html",
        facilities=[(facility.code, facility_name(facility, words)) for facility in places],
        days=[(day.isoformat(), formats.day(day)) for day in days],
        states=states,
        today=today.isoformat(),
        earlier=(since - timedelta(days=1)).isoformat(),
        later=min(until + timedelta(days=DAYS_SHOWN), today).isoformat() if until < today else "",
    )


@router.get("/reports/{facility}/{day}")
async def report(request: Request, facility: str, day: str) -> Response:
    """Show a report; `?version=` an earlier one (0: the automatic figures)."""
    words = await language_of(request)
    asked = request.query_params.get("version", "")
    version = int(asked) if asked.isdigit() else None
    folder = await open_folder(request, facility, day, version)
    shown = folder.report
    return await page(
        request,
        "report.html",
        place=facility_name(folder.facility, words),
        folder=folder,
        report=shown,
        newest=shown.version == folder.newest_version,
        state=state_text(shown.state, words),
        totals=totals(folder, words),
        sections=sections(folder, words),
        versions=version_texts(folder, words),
        coverage=coverage_text(shown.coverage, words),
        before=(folder.day - timedelta(days=1)).isoformat(),
        after=_after(folder.day, local_day(context_of(request).clock())),
        printed=formats.instant(context_of(request).clock()),
        may_correct=visible_in(request).on_facility("reports:correct", facility),
        may_finalise=visible_in(request).on_facility("reports:finalise", facility),
    )


@router.get("/reports/{facility}/{day}/correct", dependencies=[CORRECTING])
async def show_correction(request: Request, facility: str, day: str) -> Response:
    """Show the form that corrects one figure, `?figure=` by its key."""
    figure = request.query_params.get("figure", "")
    folder = await open_folder(request, facility, day)
    check_figure(folder, figure)
    return await _correction_form(request, folder, figure, {}, {})


@router.post("/reports/{facility}/{day}/correct", dependencies=[CORRECTING])
async def correct(request: Request, facility: str, day: str) -> Response:
    """Read what was typed and say it back; with `confirmed` save it."""
    form = await signed_form(request)
    words = await language_of(request)
    folder = await open_folder(request, facility, day)
    figure = field_text(form, "figure")
    check_figure(folder, figure)
    values = {name: field_text(form, name) for name in ("value", "unit", "how", "note", "version")}
    values["locale"] = _typed_locale(form, words)
    value, errors = _understand(values, words)
    if errors:
        return await _correction_form(request, folder, figure, values, errors)
    if field_text(form, "confirmed") != "yes":
        return await _confirmation(request, folder, figure, values, value)
    change = Change(
        figure=figure,
        value_kg=None if value is None else _kilograms(value, values["unit"]),
        restore=values["how"] == "restore",
        note=values["note"],
        version=_version(form),
    )
    await save_change(request, facility, day, change)
    return RedirectResponse(f"/reports/{facility}/{day}?done=corrected", status_code=303)


@router.post("/reports/{facility}/{day}/final", dependencies=[Depends(needs("reports:finalise"))])
async def make_final(request: Request, facility: str, day: str) -> Response:
    """Make the present figures final: later data no longer change what the report shows."""
    form = await signed_form(request)
    await finalise(request, facility, day, _version(form))
    return RedirectResponse(f"/reports/{facility}/{day}?done=saved", status_code=303)


def _typed_locale(form: FormData, words: Language) -> str:
    """Return the language a number was typed in: that of the form, which the echo carries on."""
    locale = field_text(form, "locale")
    return locale if locale in LOCALES else words.locale


def _version(form: FormData) -> int:
    text = field_text(form, "version")
    if not text.isdigit():
        raise ApiError(422, "bad_request")
    return int(text)


def _understand(values: dict[str, str], words: Language) -> tuple[Decimal | None, dict[str, str]]:
    """Return the number that was typed (None when none is meant), and what is wrong by field."""
    errors: dict[str, str] = {}
    value: Decimal | None = None
    if not values["note"]:
        errors["note"] = error_text("note_missing", {}, words.locale)
    if values["unit"] not in UNITS:
        errors["unit"] = error_text("not_a_choice", {}, words.locale)
    if values["how"] not in {"unknown", "restore"}:
        try:
            value = parse_number(values["value"], values["locale"])
        except Rejected as refusal:
            errors["value"] = error_text(refusal.code, refusal.params, words.locale)
    return value, errors


def _kilograms(value: Decimal, unit: str) -> float:
    if unit == "L":
        return kg_from_litres_of_boiling_liquid(float(value))
    return kg_from_normal_cubic_metres(float(value)) if unit == "Nm³" else float(value)


async def _correction_form(
    request: Request, folder: Folder, figure: str, values: dict[str, str], errors: dict[str, str]
) -> Response:
    words = await language_of(request)
    return await page(
        request,
        "correction.html",
        status=422 if errors else 200,
        folder=folder,
        figure=figure,
        label=key_label(figure, folder, words),
        place=facility_name(folder.facility, words),
        present=_present(folder, figure, words),
        values={"value": "", "unit": "kg", "how": "value", "note": "", **values},
        errors=errors,
        units=UNITS,
    )


async def _confirmation(
    request: Request, folder: Folder, figure: str, values: dict[str, str], value: Decimal | None
) -> Response:
    words = await language_of(request)
    mass_kg = None if value is None else _kilograms(value, values["unit"])
    return await page(
        request,
        "confirm_correction.html",
        folder=folder,
        figure=figure,
        label=key_label(figure, folder, words),
        place=facility_name(folder.facility, words),
        present=_present(folder, figure, words),
        values=values,
        spelt="" if value is None else spell_number(value, words.locale),
        mass_kg=mass_kg,
    )


def _present(folder: Folder, figure: str, words: Language) -> str:
    """Return what the figure shows now."""
    for section in sections(folder, words):
        for line in section.lines:
            if line.key == figure:
                return f"{line.kg} ({line.provenance})"
    return formats.ABSENT


def _after(day: date, today: date) -> str:
    return (day + timedelta(days=1)).isoformat() if day < today else ""
