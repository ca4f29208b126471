"""Reading files of administrative units. Pure.

A file is CSV in UTF-8, separated by `;` or `,`, its first line naming the columns in any order:

    code           our code of the unit; `*` ends every unit of the level (then only level and valid_to count)
    level          province, district, ward or another code
    kind           the unit's own kind (tinh, thanh-pho, quan, huyen, thi-xa, phuong, xa, thi-tran …)
    name_vi        with its kind: Quận 5
    name_en        may be absent: then made from kind and name
    parent         code of the unit above; empty for the uppermost
    valid_from     first day, YYYY-MM-DD; may be absent when the caller names one
    valid_to       first day on which it no longer holds; empty while it does
    successors     codes of the units that took over, separated by blanks
    official_code  may be absent: then the code
    source         the decision that it is known from
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date

from oxygen.subjects import is_code
from records.rows import RowProblem
from records.units.structs import Closing, Unit, UnitFile

COLUMNS = (
    "code",
    "official_code",
    "level",
    "kind",
    "name_vi",
    "name_en",
    "parent",
    "valid_from",
    "valid_to",
    "successors",
    "source",
)
_NEEDED = ("code", "level", "kind", "name_vi")
_SHEET = "unit"

_KINDS = {
    "tinh": ("Tỉnh", "{} Province"),
    "thanh-pho": ("Thành phố", "{} City"),
    "quan": ("Quận", "{} District"),
    "huyen": ("Huyện", "{} District"),
    "thi-xa": ("Thị xã", "{} Town"),
    "thi-tran": ("Thị trấn", "{} Township"),
    "phuong": ("Phường", "{} Ward"),
    "xa": ("Xã", "{} Commune"),
    "dac-khu": ("Đặc khu", "{} Special Zone"),
}


def english_name(kind: str, name_vi: str) -> str:
    """Return `Bình Thạnh District` for `Quận Bình Thạnh` and `District 5` for `Quận 5`."""
    prefix, pattern = _KINDS.get(kind, ("", "{}"))
    bare = name_vi.removeprefix(prefix).strip()
    if bare.isdigit():
        return f"{pattern.format('').strip()} {bare}"
    return pattern.format(bare)


def parse_units(
    content: str, *, valid_from: str | None = None, source: str = ""
) -> tuple[UnitFile, list[RowProblem]]:
    """Return what a file says and what is wrong with it; nothing is to be stored while anything is wrong.

    Args:
        content: The file's text.
        valid_from, source: For rows whose own column is absent or empty.
    """
    # Vietnamese spreadsheets write semicolons, because the comma is their decimal sign.
    delimiter = ";" if ";" in content.partition("\n")[0] else ","
    rows = csv.DictReader(io.StringIO(content.lstrip("\ufeff")), delimiter=delimiter, restkey="", restval="")
    problems = _header_problems(rows.fieldnames or ())
    if problems:
        return UnitFile(), problems
    defaults = {"valid_from": valid_from or "", "source": source}
    units: list[Unit] = []
    closings: list[Closing] = []
    for row in rows:
        cells = {name: str(row.get(name) or "").strip() for name in COLUMNS}
        cells |= {name: cells[name] or value for name, value in defaults.items()}
        found = _row_problems(rows.line_num, cells)
        problems += found
        if found:
            continue
        if cells["code"] == "*":
            closings.append(Closing(cells["level"], cells["valid_to"], cells["source"]))
        else:
            units.append(_unit(cells))
    return UnitFile(tuple(units), tuple(closings)), problems + _duplicates(units)


def _unit(cells: Mapping[str, str]) -> Unit:
    return Unit(
        code=cells["code"],
        level=cells["level"],
        kind=cells["kind"],
        name_vi=cells["name_vi"],
        name_en=cells["name_en"] or english_name(cells["kind"], cells["name_vi"]),
        valid_from=cells["valid_from"],
        parent=cells["parent"] or None,
        valid_to=cells["valid_to"] or None,
        official_code=cells["official_code"] or cells["code"],
        successors=tuple(sorted(cells["successors"].split())),
        source=cells["source"],
    )


def _header_problems(names: object) -> list[RowProblem]:
    found = list(names) if isinstance(names, list | tuple) else []
    missing = [name for name in _NEEDED if name not in found]
    unknown = [name for name in found if name not in COLUMNS]
    return [RowProblem(_SHEET, 1, name, "", "missing_column") for name in missing] + [
        RowProblem(_SHEET, 1, name, name, "unknown_column") for name in unknown
    ]


def _row_problems(row: int, cells: Mapping[str, str]) -> list[RowProblem]:
    closing = cells["code"] == "*"
    needed = ("level", "valid_to") if closing else (*_NEEDED, "valid_from")
    problems = [RowProblem(_SHEET, row, name, "", "missing_value") for name in needed if not cells[name]]
    codes = [("level", cells["level"])]
    if not closing:
        codes += [("code", cells["code"]), ("kind", cells["kind"]), ("parent", cells["parent"])]
        codes += [("successors", code) for code in cells["successors"].split()]
    problems += [
        RowProblem(_SHEET, row, name, code, "not_a_code")
        for name, code in codes
        if code and not is_code(code)
    ]
    days = [name for name in ("valid_from", "valid_to") if cells[name]]
    wrong = [name for name in days if not is_day(cells[name])]
    problems += [RowProblem(_SHEET, row, name, cells[name], "not_a_date") for name in wrong]
    if not closing and len(days) == 2 and not wrong and not cells["valid_from"] < cells["valid_to"]:
        problems.append(RowProblem(_SHEET, row, "valid_to", cells["valid_to"], "ends_before_it_begins"))
    return problems


def _duplicates(units: list[Unit]) -> list[RowProblem]:
    seen: set[str] = set()
    problems = []
    for unit in units:
        if unit.code in seen:
            problems.append(RowProblem(_SHEET, 0, "code", unit.code, "duplicate"))
        seen.add(unit.code)
    return problems


def is_day(value: str) -> bool:
    """Tell whether a text is a day written YYYY-MM-DD."""
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
