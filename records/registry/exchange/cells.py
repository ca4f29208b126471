"""One cell to one value and back. Pure.

A cell comes as a spreadsheet keeps it (text, number, date, True, None) or as text from a CSV file. What is
not plainly one value is refused, never guessed: 1.500 is a thousand and a half to one reader and a thousand
five hundred to another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from oxygen.messages import LOCALES, text
from oxygen.subjects import is_code
from records.registry.exchange.columns import Column
from records.registry.structs import ROLES, Member
from records.units.parsing import is_day

LONGEST_TEXT = 2_000
_NUMBER = re.compile(r"([-+]?[\d.,]*\d[\d.,]*)\s*(.*)", re.DOTALL)
_GROUPS = re.compile(r"[-+]?\d{1,3}([.,]\d{3})+")
_VIETNAMESE_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_YES, _NO = ("yes", "true", "1", "x"), ("no", "false", "0")
_SIGNS_OF_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


class BadCellError(Exception):
    """A cell that cannot be taken; `code` and `params` are those of a RowProblem."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def shown(cell: Any) -> str:
    """Return a cell as text, for a person who is told about it."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    return str(cell).strip()


def value_of(column: Column, cell: Any, *, decimal: str = "") -> Any:
    """Return what a cell means in its column, or None when it is empty.

    Args:
        decimal: The decimal sign of the file; "" in a spreadsheet, whose numbers are numbers.

    Raises:
        BadCellError: With the code of what is wrong.
    """
    written = shown(cell)
    if not written:
        return None
    if written.startswith("#") and written.rstrip("!?").isupper() and " " not in written:
        raise BadCellError("formula_error")
    if column.kind in ("number", "integer"):
        return _number(column, cell, written, decimal)
    if column.kind in ("code", "reference"):
        return _code(cell, written)
    if column.kind == "choice":
        return _choice(written, column.choices)
    return _READERS.get(column.kind, _text)(written)


def cell_of(column: Column, value: Any) -> str | int | float | None:
    """Return what is written for a value: a number as a number, all else as text, None for nothing."""
    if value is None or value == "":
        return None
    match column.kind:
        case "number":
            return float((Decimal(repr(float(value))) - Decimal(column.offset)) / Decimal(column.factor))
        case "integer":
            return int(value)
        case "flag":
            return "yes" if value else "no"
        case "members":
            return "; ".join(_member_text(member) for member in value)
        case "strapping":
            return "; ".join(f"{level!r}={volume!r}" for level, volume in value)
        case _:
            return str(value)


def csv_text(cell: str | float | None, decimal: str) -> str:
    """Return a cell as text of a CSV file; what a spreadsheet would take for a formula is made harmless."""
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return (f"{cell:.0f}" if cell == int(cell) else repr(cell)).replace(".", decimal)
    return f"'{cell}" if cell.startswith(_SIGNS_OF_FORMULAS) else cell


def plain_text(written: str) -> str:
    """Undo what `csv_text` does to text."""
    return written[1:] if written.startswith("'") and written[1:].startswith(_SIGNS_OF_FORMULAS) else written


def _text(written: str) -> str:
    if len(written) > LONGEST_TEXT:
        raise BadCellError("too_long", expected=LONGEST_TEXT)
    return written


def _code(cell: Any, written: str) -> str:
    code = f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else written
    if not is_code(code):
        raise BadCellError("not_a_code")
    return code


def _number(column: Column, cell: Any, written: str, decimal: str) -> float | int:
    number = _decimal(column, cell, written, decimal)
    if column.kind == "integer" and number != number.to_integral_value():
        raise BadCellError("not_whole")
    least, most = column.least, column.most
    if (least is not None and number < Decimal(repr(least))) or (
        most is not None and number > Decimal(repr(most))
    ):
        low, high = ("" if each is None else f"{each:g}" for each in (least, most))
        raise BadCellError("out_of_range", expected=f"{low}…{high} {column.unit}".strip())
    if column.kind == "integer":
        return int(number)
    return float(number * Decimal(column.factor) + Decimal(column.offset))


def _decimal(column: Column, cell: Any, written: str, decimal: str) -> Decimal:
    if isinstance(cell, bool | date):
        raise BadCellError("not_a_number")
    if isinstance(cell, int | float):
        if not math.isfinite(cell):
            raise BadCellError("not_a_number")
        return Decimal(repr(cell))
    found = _NUMBER.fullmatch(written)
    if found is None:
        raise BadCellError("not_a_number")
    digits, unit = found[1], found[2].strip()
    if unit and unit.casefold() != column.unit.casefold():
        raise BadCellError("wrong_unit", expected=column.unit or "1")
    return _plain_number(digits, decimal)


def _plain_number(digits: str, decimal: str) -> Decimal:
    """Return digits with at most one decimal sign; a sign before exactly three digits may mean thousands."""
    signs = [sign for sign in digits if sign in ".,"]
    if len(signs) > 1 or (_GROUPS.fullmatch(digits) and signs != [decimal]):
        raise BadCellError("ambiguous_number")
    plain = digits.replace(",", ".")
    if plain.startswith(".") or plain.endswith("."):
        raise BadCellError("not_a_number")
    return Decimal(plain)


def _day(written: str) -> str:
    found = _VIETNAMESE_DAY.fullmatch(written)
    day = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else written
    if not is_day(day):
        raise BadCellError("not_a_date")
    return day


@cache
def _labels(choices: tuple[str, ...]) -> dict[str, str]:
    known = {choice.casefold(): choice for choice in choices}
    return {text(f"choice.{each}", locale).casefold(): each for each in choices for locale in LOCALES} | known


def _choice(written: str, choices: tuple[str, ...]) -> str:
    chosen = _labels(choices).get(written.casefold())
    if chosen is None:
        raise BadCellError("not_a_choice", expected=" | ".join(choices))
    return chosen


def _flag(written: str) -> bool:
    folded = written.casefold()
    for meaning, code, words in ((True, "yes", _YES), (False, "no", _NO)):
        if folded in words or folded in _labels((code,)):
            return meaning
    raise BadCellError("not_a_choice", expected="yes | no")


def _member_text(member: Member) -> str:
    order = f"@{member.order}" if member.order else ""
    return f"{member.subject}={member.role}{order}"


def _members(written: str) -> tuple[Member, ...]:
    members = []
    for part in filter(None, (part.strip() for part in written.split(";"))):
        subject, _, use = part.partition("=")
        role, _, order = use.partition("@")
        if role.strip() not in ROLES or (order and not order.strip().isdigit()):
            raise BadCellError("not_a_choice", expected=" | ".join(ROLES))
        chosen = next(each for each in ROLES if each == role.strip())
        members.append(Member(subject.strip(), chosen, int(order or 0)))
    return tuple(members)


def _strapping(written: str) -> list[list[float]]:
    points = []
    for part in filter(None, (part.strip() for part in written.split(";"))):
        level, equals, volume = part.partition("=")
        try:
            points.append([float(level), float(volume)])
        except ValueError:
            raise BadCellError("not_a_number") from None
        if not equals:
            raise BadCellError("not_a_number")
    return points


_READERS: dict[str, Callable[[str], Any]] = {
    "day": _day,
    "flag": _flag,
    "members": _members,
    "strapping": _strapping,
}
