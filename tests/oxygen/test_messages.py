"""Texts: both languages have every code with the same placeholders; numbers are written the reader's way."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from string import Formatter

import pytest

from oxygen.messages import LOCALES, catalogue, number, text
from oxygen.messages.alarm_texts import (
    advice,
    clock_text,
    figures,
    over_sentence,
    reason_text,
    sentence,
    short_text,
    span_text,
)
from oxygen.reading import Quality, Reason
from oxygen.rules.conditions import PREDICTED_DEPLETION
from oxygen.rules.limits import SCOPES, SHAPES, Rule
from oxygen.rules.severity import Severity
from oxygen.rules.stock import Band, StockReason

# 21 November 2026, 10:05 in Viet Nam, is 03:05 UTC.
AT_US = 1_795_230_300_000_000
EVENTS = (
    "raised",
    "worsened",
    "improved",
    "acknowledged",
    "cleared",
    "late",
    "note",
    "delivered",
    "undeliverable",
)
STATES = ("ok", "filling", "fault", "stale", "never_read")
LOW = {
    "reason": "fill_low",
    "fill_percent": 9.54,
    "mass_kg": 1050.4,
    "aged_mass_kg": 1050.4,
    "draw_kg_per_h": 151.25,
    "hours_to_empty_p10": 6.99,
    "hours_to_empty_p50": 61.5,
    "as_of_us": AT_US,
    "limit_percent": 10.0,
    "limit_h": 8.0,
}


def test_both_languages_have_the_same_codes() -> None:
    assert set(catalogue("vi")) == set(catalogue("en"))


def test_both_languages_fill_in_the_same_values() -> None:
    def placeholders(locale: str, key: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(catalogue(locale)[key])} - {None}

    different = [key for key in catalogue("en") if placeholders("vi", key) != placeholders("en", key)]

    assert different == []


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("quality", Quality),
        ("reasons", Reason),
        ("band", Band),
        ("state", STATES),
        ("rules", Rule),
        ("severity", Severity),
        ("alarm_reasons", StockReason),
        ("alarm_reasons", [PREDICTED_DEPLETION, "stale", "never_read", "heard"]),
        ("alarm_event", EVENTS),
        ("alarm_state", ["open", "cleared"]),
        ("outbox_state", ["queued", "sending", "sent", "failed", "given_up"]),
        ("channel", ["email", "webhook"]),
        ("scope", ["built-in", *SCOPES]),
        ("limits", {limit for shape in SHAPES.values() for limit in shape.__struct_fields__}),
    ],
)
@pytest.mark.parametrize("locale", LOCALES)
def test_every_code_has_a_text(section: str, codes: Iterable[StrEnum | str], locale: str) -> None:
    missing = [code for code in codes if not catalogue(locale).get(f"{section}.{code}", "").strip()]

    assert missing == []


def test_vietnamese_is_not_left_in_english() -> None:
    def words(key: str, locale: str) -> str:
        return "".join(literal for literal, *_ in Formatter().parse(catalogue(locale)[key])).strip(" :,.")

    same = [key for key in catalogue("vi") if words(key, "vi") and words(key, "vi") == words(key, "en")]

    assert same == ["channel.webhook"]


def test_a_number_is_written_the_readers_way() -> None:
    assert number(1234.56, "vi", decimals=1) == "1.234,6"
    assert number(1234.56, "en", decimals=1) == "1,234.6"
    assert number(-0.01, "vi", decimals=1) == "0,0"
    assert number(None, "vi") == "–"


def test_an_unknown_code_or_a_missing_value_is_shown_and_not_hidden() -> None:
    assert text("reasons.brand_new", "vi") == "reasons.brand_new"
    assert text("alarm_short.low_stock_fill", "en") == "{fill} % left"
    assert reason_text("brand_new", "vi") == "brand_new"


def test_times_are_those_of_viet_nam() -> None:
    assert clock_text(AT_US) == "10:05 21/11"
    assert clock_text(None) == "–"


@pytest.mark.parametrize(
    ("hours", "vietnamese", "english"),
    [
        (None, "–", "–"),
        (-1.0, "chưa đầy một phút", "less than a minute"),
        (0.75, "45 phút", "45 min"),
        (6.99, "6 giờ", "6 h"),
        (47.9, "47 giờ", "47 h"),
        (61.5, "2 ngày 13 giờ", "2 d 13 h"),
    ],
)
def test_time_left_is_never_rounded_up(hours: float | None, vietnamese: str, english: str) -> None:
    assert (span_text(hours, "vi"), span_text(hours, "en")) == (vietnamese, english)


def test_an_alarm_is_told_in_a_few_words_and_in_a_sentence() -> None:
    assert short_text("low_stock", LOW, "vi") == "còn 9,5 %, có thể cạn sau 6 giờ"
    assert short_text("low_stock", LOW, "en") == "9.5 % left, may be empty in 6 h"
    assert sentence("low_stock", LOW, "vi") == ("Bồn còn 9,5 % lượng oxy dùng được; mức báo động là 10 %.")
    assert over_sentence("low_stock", LOW | {"fill_percent": 80.0}, "vi") == "Bồn đã đủ oxy trở lại: 80,0 %."


def test_figures_carry_their_units_and_absent_ones_are_left_out() -> None:
    assert figures("low_stock", LOW, "vi") == [
        ("Lượng oxy (phần dùng được)", "9,5 %"),
        ("Lượng oxy", "1.050 kg"),
        ("Mức dùng", "151,2 kg/giờ"),
        ("Cạn sớm nhất (1 trên 10)", "6 giờ"),
        ("Cạn, nhiều khả năng nhất", "2 ngày 13 giờ"),
        ("Số đo lúc", "10:05 21/11"),
    ]
    assert figures("low_stock", {"fill_percent": None}, "en") == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("rule", "params"),
    [
        *(
            ("low_stock", LOW | {"reason": reason})
            for reason in ("fill_low", "empties_soon", "not_yet_recovered")
        ),
        ("low_stock", LOW | {"reason": PREDICTED_DEPLETION}),
        ("low_stock", LOW | {"hours_to_empty_p10": None}),
        ("low_stock", LOW | {"reason": "empties_soon", "fill_percent": None}),
        ("stale_data", {"reason": "stale", "as_of_us": AT_US, "silent_s": 1000}),
        ("stale_data", {"reason": "never_read", "as_of_us": None, "silent_s": 1000}),
        *(
            ("sensor_fault", {"reason": reason.value, "fault": reason.value, "as_of_us": AT_US})
            for reason in Reason
        ),
    ],
)
def test_no_alarm_is_told_with_a_hole_in_it(rule: str, params: dict[str, object], locale: str) -> None:
    severity = "urgent" if rule == "low_stock" else "warning"
    told = [
        short_text(rule, params, locale),
        sentence(rule, params, locale),
        over_sentence(rule, LOW, locale),
        advice(rule, severity, locale),
    ]

    assert all(told)
    assert not any(sign in words for words in told for sign in ("{", "–", "None", "_"))
