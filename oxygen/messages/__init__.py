"""Texts for codes, in Vietnamese and English.

Everything stored or sent between programs is a code with parameters; a sentence is made only at the rim,
in the reader's language. Catalogues are `vi.toml` and `en.toml` beside this file, with the same keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from string import Formatter

LOCALES = ("vi", "en")
DEFAULT_LOCALE = "vi"


class _KeepUnknown(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """Return every text of a locale by dotted key; raises KeyError for a locale that is not in LOCALES."""
    if locale not in LOCALES:
        raise KeyError(locale)
    data = tomllib.loads(resources.files(__package__).joinpath(f"{locale}.toml").read_text(encoding="utf-8"))
    flat: dict[str, str] = {}
    _flatten("", data, flat)
    return flat


def _flatten(prefix: str, node: Mapping[str, object], into: dict[str, str]) -> None:
    for key, value in node.items():
        if isinstance(value, Mapping):
            _flatten(f"{prefix}{key}.", value, into)
        else:
            into[prefix + key] = str(value)


def text(key: str, /, locale: str = DEFAULT_LOCALE, **params: object) -> str:
    """Return the text of a code with its parameters filled in.

    An unknown key comes back as itself and a missing parameter as `{name}`: a reader in need sees the
    code rather than an error page. Tests hold that every code has both texts.
    """
    template = catalogue(locale).get(key)
    if template is None:
        return key
    return Formatter().vformat(template, (), _KeepUnknown(params))


def number(value: float | None, locale: str = DEFAULT_LOCALE, *, decimals: int = 0) -> str:
    """Return a number as the reader's locale writes it (1.234,5 or 1,234.5); an en dash when absent."""
    if value is None:
        return "–"
    english = f"{value:,.{decimals}f}"
    if float(english.replace(",", "")) == 0:
        english = english.lstrip("-")
    if locale == "en":
        return english
    return english.translate(str.maketrans(",.", ".,"))
