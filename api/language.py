"""The reader's language: which one, and its texts.

Codes with parameters get their text from `oxygen.messages`; the words of the pages themselves are English
msgids in the templates, translated by `translations/vi/LC_MESSAGES/messages.po`, which is read at start.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from gettext import NullTranslations
from importlib import resources
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from oxygen import messages
from oxygen.messages import DEFAULT_LOCALE, LOCALES


class Language:
    """One locale's texts.

    Attributes:
        locale: `vi` or `en`.
        translations: gettext catalogue; English is the msgids themselves.
    """

    def __init__(self, locale: str, translations: NullTranslations) -> None:
        self.locale = locale
        self.translations = translations

    def gettext(self, msgid: str) -> str:
        """Return the translation of a page's text; the msgid itself when there is none."""
        return self.translations.gettext(msgid)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """Return the form for `count`, with `%(n)s` still to be filled in."""
        return self.translations.ngettext(singular, plural, count)

    def code(self, key: str, params: Mapping[str, object] | None = None) -> str:
        """Return the text of a code as `reasons.wire_break`, its parameters filled in."""
        return messages.text(key, self.locale, **dict(params or {}))

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Return a number as this locale writes it; an en dash when absent."""
        return messages.number(value, self.locale, decimals=decimals)


@cache
def language(locale: str) -> Language:
    """Return a locale's texts; raises KeyError for a locale that is not in LOCALES."""
    if locale not in LOCALES:
        raise KeyError(locale)
    if locale == "en":
        return Language(locale, NullTranslations())
    path = resources.files(__package__).joinpath(f"translations/{locale}/LC_MESSAGES/messages.po")
    catalogue = read_po(BytesIO(path.read_bytes()), locale=locale, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(locale, Translations(compiled))


def choose_locale(
    *, asked: str | None, cookie: str | None, account: str | None, accept_language: str | None
) -> str:
    """Return the locale to answer in.

    What the reader asked for on this device (`?lang=`, then the cookie that remembers it) comes before the
    account's own setting, that before what the browser prefers, and that before Vietnamese.
    """
    for candidate in (asked, cookie, account):
        if candidate in LOCALES:
            return candidate
    return _preferred(accept_language or "")


def _preferred(accept_language: str) -> str:
    """Return the best locale of an Accept-Language header; Vietnamese when it names none of ours."""
    wishes: list[tuple[float, int, str]] = []
    for place, entry in enumerate(accept_language.split(",")):
        tag, _, weight = entry.strip().partition(";q=")
        primary = tag.split("-")[0].lower()
        if primary in LOCALES:
            wishes.append((-_weight(weight), place, primary))
    return min(wishes)[2] if wishes else DEFAULT_LOCALE


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
