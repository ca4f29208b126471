"""Files of the registry to rows and back: XLSX with a sheet for each kind, or CSV with one kind a file. Pure.

The first row of a sheet holds headings for people, the second the columns' codes, the third (beginning with
`#`) what each expects. Only the row of codes is needed.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from oxygen.messages import DEFAULT_LOCALE, LOCALES, text
from records.registry.exchange.cells import csv_text, plain_text, shown
from records.registry.exchange.columns import SHEETS, UNIT, Column, Sheet
from records.rows import RowProblem

MOST_BYTES = 20_000_000
MOST_BYTES_UNPACKED = 200_000_000
MOST_ROWS = 50_000
_MOST_COLUMNS = 100
_HEADER_WITHIN = 5
_LAST_ROW = MOST_ROWS + _HEADER_WITHIN
# What openpyxl and its parsers raise on a damaged file; SyntaxError is the root of XML's errors.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OSError,
    EOFError,
    SyntaxError,
    zlib.error,
)
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_WIDEST = 40


class SheetRow(msgspec.Struct, frozen=True):
    """Cells of one row by column code, and its number as a spreadsheet counts."""

    number: int
    cells: dict[str, Any]


class SheetRows(msgspec.Struct, frozen=True):
    """One sheet as it was found; `decimal` is the decimal sign of its texts, or ""."""

    sheet: str
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    decimal: str = ""


class Upload(msgspec.Struct, frozen=True):
    """A file as it was found, and what is wrong with it before its values are looked at."""

    sheets: tuple[SheetRows, ...]
    problems: tuple[RowProblem, ...] = ()


def read_upload(name: str, content: bytes, *, sheet: str | None = None) -> Upload:
    """Return the rows of a file.

    Args:
        name: The file's name; of a CSV file it tells the kind (`tank.csv`, `tank-2026.csv`).
        sheet: The kind of a CSV file, when its name does not tell.

    Slow for a large workbook: call it outside the event loop.
    """
    if len(content) > MOST_BYTES:
        return _refused("too_large", expected=f"{MOST_BYTES // 1_000_000} MB")
    if content.startswith(_ZIP):
        return _read_workbook(content)
    if content.startswith(_OLE) or b"\0" in content[:1000]:
        return _refused("wrong_type")
    kind = sheet or next((each for each in sorted(SHEETS, key=len, reverse=True) if each in name), "")
    if kind not in SHEETS:
        return _refused("unknown_sheet", value=sheet or name)
    try:
        return _read_csv(SHEETS[kind], content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _refused("not_utf8")


def to_xlsx(filled: Iterable[tuple[Sheet, Iterable[Sequence[Any]]]], locale: str = DEFAULT_LOCALE) -> bytes:
    """Return a workbook with a sheet for each kind; without rows it is the template."""
    workbook = Workbook(write_only=True)
    guide = workbook.create_sheet(text("import_sheet.guide", locale))
    guide.append([text("import_note.guide", locale)])
    for sheet, rows in filled:
        page = workbook.create_sheet(text(f"import_sheet.{sheet.name}", locale))
        page.freeze_panes = "B4"
        for index, column in enumerate(sheet.columns, 1):
            width = min(max(len(heading(column, locale)), len(column.name)) + 2, _WIDEST)
            page.column_dimensions[get_column_letter(index)].width = width
        _append(page, (heading(column, locale) for column in sheet.columns), bold=True)
        _append(page, (column.name for column in sheet.columns))
        _append(page, notes(sheet, locale), grey=True)
        for row in rows:
            _append(page, row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def to_csv(
    sheet: Sheet, rows: Iterable[Sequence[Any]], locale: str = DEFAULT_LOCALE, *, delimiter: str = ";"
) -> bytes:
    """Return one kind as CSV that spreadsheets open: UTF-8 with a mark, a decimal comma beside semicolons."""
    decimal = "," if delimiter == ";" else "."
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([heading(column, locale) for column in sheet.columns])
    writer.writerow([column.name for column in sheet.columns])
    writer.writerow(notes(sheet, locale))
    writer.writerows([csv_text(cell, decimal) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


def heading(column: Column, locale: str) -> str:
    """Return a column's heading in a language."""
    return text(f"import_column.{column.name}", locale)


def notes(sheet: Sheet, locale: str) -> list[str]:
    """Return what each column expects, the first marked so that the row is not read."""
    told = [note(column, locale) for column in sheet.columns]
    return [f"# {told[0]}", *told[1:]]


def note(column: Column, locale: str) -> str:
    """Return what a column expects."""
    key = column.kind if column.of != UNIT else UNIT
    choices = column.choices if column.kind == "choice" else ("yes", "no")
    labels = ", ".join(f"{each} ({text(f'choice.{each}', locale)})" for each in choices)
    of = text(f"import_sheet.{column.of}", locale)
    expected = text(f"import_note.{'choice' if key == 'flag' else key}", locale, choices=labels, of=of)
    return f"{expected}; {text('import_note.required' if column.needed else 'import_note.optional', locale)}"


def _append(page: WriteOnlyWorksheet, row: Iterable[Any], *, bold: bool = False, grey: bool = False) -> None:
    cells = []
    for value in row:
        cell = WriteOnlyCell(page, value=value)
        if isinstance(value, str):
            # Text stays text: neither a formula, nor a code that loses its leading zero.
            cell.data_type, cell.number_format = "s", "@"
        if bold:
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE8F0")
        if grey:
            cell.font, cell.alignment = Font(italic=True, color="666666"), Alignment(wrap_text=True)
        cells.append(cell)
    page.append(cells)


def _refused(code: str, *, value: str = "", **params: Any) -> Upload:
    return Upload((), (RowProblem("", 0, "", value, code, params),))


def _read_workbook(content: bytes) -> Upload:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_BYTES_UNPACKED:
                return _refused("too_large", expected=f"{MOST_BYTES_UNPACKED // 1_000_000} MB")
            if "xl/workbook.xml" not in packed.namelist():
                return _refused("wrong_type")
        pages = _pages(content)
    except _DAMAGED:
        return _refused("unreadable")
    return _read_pages(pages)


def _pages(content: bytes) -> list[tuple[str, list[Sequence[Any]]]]:
    """Return the title and rows of every sheet, one row more than is taken; only as wide as is looked at."""
    workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    pages: list[tuple[str, list[Sequence[Any]]]] = []
    for page in workbook.worksheets:
        page.reset_dimensions()
        rows = page.iter_rows(values_only=True, max_col=_MOST_COLUMNS)
        pages.append((page.title, list(islice(rows, _LAST_ROW + 1))))
    return pages


def _read_pages(pages: Iterable[tuple[str, list[Sequence[Any]]]]) -> Upload:
    titles = {text(f"import_sheet.{name}", locale): name for name in SHEETS for locale in LOCALES}
    titles |= {name: name for name in SHEETS}
    guides = {text("import_sheet.guide", locale) for locale in LOCALES}
    found: list[SheetRows] = []
    problems: list[RowProblem] = []
    for title, written in pages:
        name = titles.get(title)
        if name is not None:
            rows, wrong = _rows(SHEETS[name], iter(written))
            found += [rows] if rows else []
            problems += wrong
        elif title not in guides:
            problems.append(RowProblem("", 0, "", title, "unknown_sheet"))
    return Upload(tuple(found), tuple(problems))


def _read_csv(sheet: Sheet, content: str) -> Upload:
    delimiter = ";" if content.count(";") > content.count(",") else ","
    # A line ending within quotes would shift the count of rows; the reader counts records instead.
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    try:
        rows, problems = _rows(
            sheet,
            ([plain_text(cell) for cell in row] for row in reader),
            decimal="," if delimiter == ";" else ".",
        )
    except csv.Error:
        return _refused("wrong_type")
    return Upload((rows,) if rows else (), tuple(problems))


def _rows(
    sheet: Sheet, rows: Iterator[Sequence[Any]], decimal: str = ""
) -> tuple[SheetRows | None, list[RowProblem]]:
    """Return the rows below the row of codes; empty ones and those that begin with `#` are left out."""
    header: tuple[str, ...] = ()
    found: list[SheetRow] = []
    for number, cells in enumerate(rows, 1):
        if number > _LAST_ROW:
            return None, [RowProblem(sheet.name, number, "", "", "too_many_rows", {"expected": MOST_ROWS})]
        if not header:
            header = _header(sheet, cells)
            if not header and number >= _HEADER_WITHIN:
                break
            continue
        written = [shown(cell) for cell in cells[: len(header)]]
        if not any(written) or written[0].startswith("# "):
            continue
        found.append(SheetRow(number, dict(zip(header, cells, strict=False))))
    if not header:
        return None, [RowProblem(sheet.name, 0, "", "", "missing_header")]
    return SheetRows(sheet.name, header, tuple(found), decimal), _column_problems(sheet, header)


def _header(sheet: Sheet, cells: Sequence[Any]) -> tuple[str, ...]:
    """Return the codes of a row that is the row of codes, else nothing: at least half of them are known."""
    written = [shown(cell) for cell in cells[:_MOST_COLUMNS]]
    while written and not written[-1]:
        written.pop()
    known = sum(1 for name in written if sheet.column(name))
    return tuple(written) if known and known * 2 >= len(written) else ()


def _column_problems(sheet: Sheet, header: Sequence[str]) -> list[RowProblem]:
    key = sheet.columns[0].name
    problems = [] if key in header else [RowProblem(sheet.name, 0, key, "", "missing_column")]
    for index, name in enumerate(header):
        if sheet.column(name) is None:
            problems.append(RowProblem(sheet.name, 0, name, name, "unknown_column"))
        elif name in header[:index]:
            problems.append(RowProblem(sheet.name, 0, name, name, "duplicate"))
    return problems
