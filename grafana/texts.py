"""Texts in both languages, and what values are called and coloured. Nothing here depends on colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oxygen.messages import text

GREY = "#8e8e8e"
PLAIN = "transparent"
GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE = "green", "yellow", "orange", "red", "blue", "purple"

Colours = Mapping[str, str]
ValueMapping = dict[str, Any]


def both(vietnamese: str, english: str) -> str:
    """Return a short text in both languages."""
    return f"{vietnamese} / {english}"


def explained(vietnamese: str, english: str) -> str:
    """Return a longer text in both languages, one paragraph each."""
    return f"{vietnamese}\n\n{english}"


def of_code(key: str) -> str:
    """Return the catalogue's text of a code in both languages."""
    return both(text(key, "vi"), text(key, "en"))


NO_FRESH_READING = both("không có số đo mới", "no fresh reading")
NO_READING = both("không có số đo", "no reading")


def absent(shown: str = NO_READING) -> ValueMapping:
    """Show a missing value as grey words: never as zero, and never as an earlier value."""
    return {"type": "special", "options": {"match": "null", "result": _result(shown, GREY, 0)}}


def codes(section: str, colours: Colours) -> ValueMapping:
    """Show codes of a catalogue's section by their texts, in the order and colours given."""
    return words({code: (of_code(f"{section}.{code}"), colour) for code, colour in colours.items()})


def words(shown: Mapping[str, tuple[str, str]]) -> ValueMapping:
    """Show values as words in colours; truth values go by "true" and "false"."""
    options = {
        value: _result(shown_as, colour, i + 1) for i, (value, (shown_as, colour)) in enumerate(shown.items())
    }
    return {"type": "value", "options": options}


def yes_no(yes: tuple[str, str], no: tuple[str, str]) -> ValueMapping:
    """Show a truth value as one of two words in colours."""
    return words({"true": yes, "false": no})


def _result(shown: str, colour: str, index: int) -> dict[str, Any]:
    return {"text": shown, "color": colour, "index": index}
