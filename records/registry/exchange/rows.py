"""Rows to entries, against what is known. Pure: everything that is wrong is told, nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from oxygen.errors import Rejected
from records.registry.checks import CHECKS, check_tank_physics
from records.registry.conversions import check_step
from records.registry.exchange.cells import BadCellError, shown, value_of
from records.registry.exchange.columns import SHEETS, UNIT, Column, Sheet
from records.registry.exchange.files import SheetRow, SheetRows, Upload
from records.registry.holdings import ConversionStep
from records.registry.structs import Facility, SupplySystem, Tank
from records.rows import RowProblem

Index = Mapping[tuple[str, str], Any]
"""Entries of the file by sheet and code."""
_WITHIN_A_FACILITY = ("gateway", "tank", "bank", "supply_system")
"""Kinds that an entry may only refer to within its own facility."""


class Known(msgspec.Struct, frozen=True):
    """What is stored, retired entries too.

    Attributes:
        entries: By sheet and code.
        units: Codes of administrative units.
        with_gateways: Facilities whose shard stays.
        facilities: Those whose entries may be changed, or None for all entries of every kind.
    """

    entries: Mapping[str, Mapping[str, Any]]
    units: frozenset[str]
    with_gateways: frozenset[str] = frozenset()
    facilities: frozenset[str] | None = None


class Draft(msgspec.Struct, frozen=True):
    """An entry as a row wants it, and the stored one, or None."""

    sheet: str
    row: int
    entry: Any
    before: Any


def drafts(upload: Upload, known: Known) -> tuple[list[Draft], list[RowProblem]]:
    """Return an entry for each row that can be one, and everything that is wrong with the others.

    Sheets come in the order in which they can be stored.
    """
    found: list[Draft] = []
    problems = list(upload.problems)
    if problems:
        return [], problems
    for name in SHEETS:
        for rows in (each for each in upload.sheets if each.sheet == name):
            made, wrong = _sheet(SHEETS[name], rows, known)
            found += made
            problems += wrong
    index = {(draft.sheet, _key(draft.entry)): draft.entry for draft in found}
    for draft in found:
        problems += _reference_problems(draft, index, known)
    return found, problems


def _sheet(sheet: Sheet, rows: SheetRows, known: Known) -> tuple[list[Draft], list[RowProblem]]:
    made: list[Draft] = []
    problems: list[RowProblem] = []
    seen: set[str] = set()
    for row in rows.rows:
        values, wrong = _values(sheet, row, rows.decimal)
        code = values.get("code")
        if code in seen:
            wrong.append(RowProblem(sheet.name, row.number, "code", str(code), "duplicate"))
        before = known.entries.get(sheet.name, {}).get(code or "")
        if not wrong:
            draft, wrong = _draft(sheet, row, values, before)
            made += [draft] if draft else []
        problems += wrong
        seen |= {code} if code else set()
    return made, problems


def _values(sheet: Sheet, row: SheetRow, decimal: str) -> tuple[dict[str, Any], list[RowProblem]]:
    """Return the value of every column that the sheet has, None for an empty cell."""
    values: dict[str, Any] = {}
    problems: list[RowProblem] = []
    for column in sheet.columns:
        if column.name not in row.cells:
            continue
        cell = row.cells[column.name]
        try:
            values[column.name] = value_of(column, cell, decimal=decimal)
        except BadCellError as bad:
            problems.append(
                RowProblem(sheet.name, row.number, column.name, shown(cell), bad.code, bad.params)
            )
    return values, problems


def _draft(
    sheet: Sheet, row: SheetRow, values: Mapping[str, Any], before: Any
) -> tuple[Draft | None, list[RowProblem]]:
    fields = {} if before is None else msgspec.structs.asdict(before)
    filled, problems = dict(values), []
    for column in sheet.columns:
        if filled.get(column.name) is None and column.instead in filled:
            filled[column.name] = filled[column.instead]
        absent = column.name in filled or before is None
        if column.needed and absent and filled.get(column.name) is None:
            problems.append(RowProblem(sheet.name, row.number, column.name, "", "missing_value"))
    if problems:
        return None, problems
    for column in sheet.columns:
        if column.name in filled:
            _fill(sheet.shape, fields, column, filled[column.name])
    try:
        entry = sheet.shape(**fields)
        _check(entry)
    except Rejected as refused:
        return None, [_problem(sheet, row, refused)]
    return Draft(sheet.name, row.number, entry, before), []


def _fill(shape: type, fields: dict[str, Any], column: Column, value: Any) -> None:
    """Set a field to a value, or to what it is when nobody says anything."""
    field, _, key = column.path.partition(".")
    if key:
        rest = {name: each for name, each in fields.get(field, {}).items() if name != key}
        fields[field] = rest if value is None else {**rest, key: value}
    elif value is None:
        fields.pop(field, None)
        if field in _required(shape):
            fields[field] = None
    else:
        fields[field] = value


@cache
def _required(shape: type) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(shape) if field.required)


def _check(entry: Any) -> None:
    if isinstance(entry, ConversionStep):
        check_step(entry)
        return
    CHECKS[type(entry)](entry)
    if isinstance(entry, Tank):
        check_tank_physics(entry)


def _problem(sheet: Sheet, row: SheetRow, refused: Rejected) -> RowProblem:
    params = {name: str(value) for name, value in refused.params.items()}
    field = params.get("field", "")
    column = next((each.name for each in sheet.columns if each.path.rpartition(".")[2] == field), field)
    code = "bad_geometry" if refused.code == "bad_tank" else "out_of_range"
    written = shown(row.cells.get(column)) or params.pop("value", "")
    return RowProblem(
        sheet.name, row.number, column, written, code, {"field": field, **params} | {"value": written}
    )


def _reference_problems(draft: Draft, index: Index, known: Known) -> Iterator[RowProblem]:
    def problem(column: str, value: str, code: str, **params: Any) -> RowProblem:
        return RowProblem(draft.sheet, draft.row, column, value, code, params)

    if draft.before is not None and draft.before.retired_us is not None:
        yield problem("code", draft.entry.code, "retired")
    for column, kind, code in _references(draft):
        if kind == UNIT:
            if code not in known.units:
                yield problem(column, code, "unknown_reference", expected=kind)
            continue
        other = _find(kind, code, index, known)
        if other is None:
            yield problem(column, code, "unknown_reference", expected=kind)
        elif other.retired_us is not None:
            yield problem(column, code, "retired")
        elif kind in _WITHIN_A_FACILITY and _strangers(draft, other):
            yield problem(column, code, "other_facility")
    if not _in_scope(draft, index, known):
        yield problem(SHEETS[draft.sheet].columns[0].name, _key(draft.entry), "outside_scope")
    if isinstance(draft.entry, Facility) and draft.before is not None:
        fixed = draft.before.shard
        if fixed != draft.entry.shard and draft.entry.code in known.with_gateways:
            yield problem("shard", draft.entry.shard, "shard_fixed", expected=fixed)


def _references(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """Yield (column, kind, code) of everything that an entry refers to."""
    for column in SHEETS[draft.sheet].columns:
        if column.kind == "reference" and (code := getattr(draft.entry, column.path)):
            yield column.name, column.of, code
    if isinstance(draft.entry, SupplySystem):
        for member in draft.entry.members:
            kind, _, code = member.subject.partition(":")
            yield "members", kind, code
    if isinstance(draft.entry, ConversionStep):
        kind, code = _vessel(draft.entry)
        yield "subject", kind, code


def _vessel(step: ConversionStep) -> tuple[str, str]:
    kind, _, code = step.subject.partition(":")
    return ("vessel_lot" if kind == "lot" else kind), code


def _find(kind: str, code: str, index: Index, known: Known) -> Any:
    return index.get((kind, code)) or known.entries.get(kind, {}).get(code)


def _strangers(draft: Draft, other: Any) -> bool:
    facility = getattr(draft.entry, "facility", None)
    return facility is not None and other.facility != facility


def _in_scope(draft: Draft, index: Index, known: Known) -> bool:
    if known.facilities is None:
        return True
    entries = [draft.entry] if draft.before is None else [draft.entry, draft.before]
    return all(_facility_of(entry, index, known) in known.facilities for entry in entries)


def _facility_of(entry: Any, index: Index, known: Known) -> str | None:
    if isinstance(entry, Facility):
        return entry.code
    if isinstance(entry, ConversionStep):
        other = _find(*_vessel(entry), index, known)
        return getattr(other, "facility", None)
    return getattr(entry, "facility", None)


def _key(entry: Any) -> str:
    return str(getattr(entry, "code", "") or getattr(entry, "subject", ""))
