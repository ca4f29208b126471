"""Numbers as people type them, read by their locale and said back in words before anything is saved.

`1.500` is one thousand five hundred to a Vietnamese reader and one and a half to an English one; nothing
here guesses: the locale decides, and the echo shows what was understood.
"""

from __future__ import annotations

import re
from decimal import Decimal

from oxygen.errors import Rejected

_SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009"))
_SHAPES = {
    "vi": re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,([0-9]{1,6}))?"),
    "en": re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]{1,6}))?"),
}
_MOST_DIGITS = 12


def parse_number(text: str, locale: str) -> Decimal:
    """Return the exact value of a typed non-negative number.

    Vietnamese groups by dots or spaces and has a decimal comma; English the other way round. Raises Rejected
    (`number_missing`, `number_not_understood`, `number_too_large`) with what was typed.
    """
    squeezed = text.strip().translate(_SPACES)
    if not squeezed:
        raise Rejected("no number was typed", code="number_missing")
    match = _SHAPES[locale].fullmatch(squeezed)
    if match is None:
        raise Rejected(f"{text!r} is not a number in {locale}", code="number_not_understood", typed=text)
    whole = re.sub(r"[.,]", "", match[1])
    if len(whole.lstrip("0")) > _MOST_DIGITS:
        raise Rejected(f"{text!r} is too large", code="number_too_large", typed=text)
    return Decimal(f"{whole}.{match[2]}" if match[2] else whole)


def spell_number(value: Decimal, locale: str) -> str:
    """Return a non-negative number in words, as `một nghìn năm trăm` or `one thousand five hundred`."""
    whole = int(value)
    spell = _vietnamese if locale == "vi" else _english
    words = spell(whole)
    digits = f"{value:f}".partition(".")[2].rstrip("0")
    if digits:
        point = "phẩy" if locale == "vi" else "point"
        words += f" {point} " + " ".join(spell(int(digit)) for digit in digits)
    return words


_VI_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_VI_SCALES = ("", "nghìn", "triệu", "tỷ")


def _vietnamese(value: int) -> str:
    if value == 0:
        return _VI_DIGITS[0]
    groups = _groups(value)
    parts: list[str] = []
    for index in reversed(range(len(groups))):
        if groups[index]:
            spoken = _vietnamese_group(groups[index], full=index < len(groups) - 1)
            parts.append(f"{spoken} {_VI_SCALES[index]}".strip())
    return " ".join(parts)


def _vietnamese_group(value: int, *, full: bool) -> str:
    """Spell 1–999; `full` says the hundreds even when they are none, as inside a longer number."""
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    words: list[str] = []
    if hundreds or full:
        words += [_VI_DIGITS[hundreds], "trăm"]
    if tens == 0 and ones and words:
        words.append("linh")
    elif tens == 1:
        words.append("mười")
    elif tens > 1:
        words += [_VI_DIGITS[tens], "mươi"]
    if ones:
        words.append(_vietnamese_ones(ones, tens))
    return " ".join(words)


def _vietnamese_ones(ones: int, tens: int) -> str:
    if ones == 1 and tens > 1:
        return "mốt"
    if ones == 5 and tens > 0:
        return "lăm"
    return _VI_DIGITS[ones]


_EN_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_EN_TENS = ("-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_SCALES = ("", "thousand", "million", "billion")


def _english(value: int) -> str:
    if value == 0:
        return _EN_SMALL[0]
    groups = _groups(value)
    parts = [
        f"{_english_group(groups[index])} {_EN_SCALES[index]}".strip()
        for index in reversed(range(len(groups)))
        if groups[index]
    ]
    return " ".join(parts)


def _english_group(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{_EN_SMALL[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(_EN_TENS[tens] + (f"-{_EN_SMALL[ones]}" if ones else ""))
    elif rest:
        words.append(_EN_SMALL[rest])
    return " ".join(words)


def _groups(value: int) -> list[int]:
    """Return groups of three digits, lowest first."""
    groups: list[int] = []
    while value:
        value, group = divmod(value, 1000)
        groups.append(group)
    return groups
