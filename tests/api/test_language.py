"""The reader's language: which one is chosen, that nothing is untranslated, how figures are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api import formats
from api.language import choose_locale, language
from oxygen import messages
from oxygen.local_time import to_us
from tests.api.conftest import Site

MethodMap = [("templates/**.html", "jinja2"), ("**.py", "python")]
PLACEHOLDER = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


def msgids(repository: Path) -> set[str]:
    found: set[str] = set()
    options = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2)}
    for _, _, message, _, _ in extract_from_dir(
        repository / "api", method_map=MethodMap, options_map=options, keywords=keywords
    ):
        found.add(message if isinstance(message, str) else message[0])
    assert len(found) > 150
    return found


def catalogue(repository: Path) -> dict[str, tuple[str, ...]]:
    path = repository / "api/translations/vi/LC_MESSAGES/messages.po"
    with path.open("rb") as file:
        po = read_po(file, locale="vi", abort_invalid=True)
    texts: dict[str, tuple[str, ...]] = {}
    for message in po:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            texts[key] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return texts


def test_every_text_of_the_pages_has_a_vietnamese_one(repository: Path) -> None:
    texts = catalogue(repository)

    assert sorted(msgids(repository) - {key for key, values in texts.items() if all(values)}) == []


def test_no_vietnamese_text_is_left_over(repository: Path) -> None:
    assert sorted(catalogue(repository).keys() - msgids(repository)) == []


def test_translations_fill_in_the_same_values(repository: Path) -> None:
    def names(text: str) -> set[tuple[str, ...]]:
        return set(PLACEHOLDER.findall(text))

    wrong = [
        key for key, texts in catalogue(repository).items() for text in texts if names(text) != names(key)
    ]

    assert wrong == []


def test_every_code_that_the_pages_refuse_with_has_texts(repository: Path) -> None:
    """Codes are looked for where they are raised: ApiError, Rejected and Permanent in api/ and records/."""
    raised = re.compile(r'ApiError\(\s*\d+,\s*"(\w+)"|code="(\w+)"|error_text\(\s*"(\w+)"|= \("(\w+)", \{')
    codes = {
        next(filter(None, match))
        for room in ("api", "records")
        for path in (repository / room).rglob("*.py")
        for match in raised.findall(path.read_text(encoding="utf-8"))
    }
    assert len(codes) > 25

    assert sorted(code for code in codes if f"errors.{code}" not in messages.catalogue("en")) == []


@pytest.mark.parametrize(
    ("asked", "cookie", "account", "accepts", "chosen"),
    [
        ("en", "vi", "vi", "vi", "en"),
        (None, "en", "vi", "vi", "en"),
        (None, None, "en", "vi", "en"),
        (None, None, None, "en-GB,vi;q=0.5", "en"),
        (None, None, None, "fr,en;q=0.4,vi;q=0.8", "vi"),
        (None, None, None, "en;q=broken", "en"),
        (None, None, None, "fr", "vi"),
        ("xx", "../etc", "", None, "vi"),
    ],
)
def test_the_readers_choice_comes_first_and_vietnamese_last(
    asked: str | None, cookie: str | None, account: str | None, accepts: str | None, chosen: str
) -> None:
    assert choose_locale(asked=asked, cookie=cookie, account=account, accept_language=accepts) == chosen


def test_a_language_that_was_asked_for_is_remembered(site: Site) -> None:
    with site.visitor() as client:
        assert '<html lang="vi">' in client.get("/login").text
        assert '<html lang="en">' in client.get("/login?lang=en").text
        assert '<html lang="en">' in client.get("/login").text
        assert '<html lang="vi">' in client.get("/login?lang=vi").text


def test_the_same_figures_are_written_the_readers_way(admin: httpx.Client) -> None:
    vietnamese = admin.get("/tanks/cho-lon-1", headers={"cookie": _cookie(admin, "vi")}).text
    english = admin.get("/tanks/cho-lon-1", headers={"cookie": _cookie(admin, "en")}).text

    assert re.search(r'data-field="mass">14\.\d{3} kg', vietnamese)
    assert re.search(r'data-field="mass">14,\d{3} kg', english)
    assert "Có thể hết sau" in vietnamese
    assert "May run out in" in english


def _cookie(client: httpx.Client, locale: str) -> str:
    return f"oxywatch_session={client.cookies['oxywatch_session']}; oxywatch_lang={locale}"


def test_instants_are_written_in_local_time() -> None:
    before_midnight_utc = to_us(datetime(2026, 11, 21, 17, 30, tzinfo=UTC))

    assert formats.instant(before_midnight_utc) == "22/11/2026 00:30"
    assert formats.instant(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        (59, "chưa đến một phút", "less than a minute"),
        (60, "1 phút", "1 minute"),
        (3600, "1 giờ", "1 hour"),
        (100_800, "1 ngày 4 giờ", "1 day 4 hours"),
        (172_799, "1 ngày 23 giờ", "1 day 23 hours"),
        (11 * 86_400 + 5, "11 ngày", "11 days"),
        (-5, "chưa đến một phút", "less than a minute"),
    ],
)
def test_durations_are_two_units_at_most(seconds: float, vi: str, en: str) -> None:
    assert formats.duration(seconds, language("vi")) == vi
    assert formats.duration(seconds, language("en")) == en


@pytest.mark.parametrize(
    ("back_s", "vi"),
    [
        (12, "12 giây trước"),
        (119, "1 phút trước"),
        (7200, "2 giờ trước"),
        (90_000, "1 ngày trước"),
        (-3, "0 giây trước"),
    ],
)
def test_ages_are_one_unit(back_s: int, vi: str) -> None:
    now_us = 1_795_000_000_000_000

    assert formats.age(now_us - back_s * 1_000_000, now_us, language("vi")) == vi
    assert formats.age(None, now_us, language("vi")) == "chưa có"
