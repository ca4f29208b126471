"""Typed numbers: the reader's locale decides, and what was understood is said back in words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.typed_numbers import parse_number, spell_number
from oxygen.errors import Rejected
from oxygen.messages import number


@pytest.mark.parametrize(
    ("text", "locale", "value"),
    [
        ("1.500", "vi", "1500"),
        ("1,500", "en", "1500"),
        ("1,5", "vi", "1.5"),
        ("1.5", "en", "1.5"),
        ("1.500,25", "vi", "1500.25"),
        ("1,234,567.8", "en", "1234567.8"),
        ("1 500", "vi", "1500"),
        ("1 500", "en", "1500"),
        (" 0 ", "vi", "0"),
        ("1500", "en", "1500"),
        ("1.500", "en", "1.500"),
    ],
)
def test_a_number_is_read_as_the_locale_writes_it(text: str, locale: str, value: str) -> None:
    assert parse_number(text, locale) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "locale", "code"),
    [
        ("", "vi", "number_missing"),
        ("  ", "en", "number_missing"),
        ("1.5", "vi", "number_not_understood"),
        ("1,5", "en", "number_not_understood"),
        ("1.50.000", "vi", "number_not_understood"),
        ("-5", "vi", "number_not_understood"),
        ("1e3", "en", "number_not_understood"),
        ("nan", "en", "number_not_understood"),
        ("١٢", "vi", "number_not_understood"),
        ("12 kg", "vi", "number_not_understood"),
        ("9999999999999", "vi", "number_too_large"),
    ],
)
def test_what_is_no_number_is_refused_and_never_guessed(text: str, locale: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_number(text, locale)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        ("0", "không", "zero"),
        ("1500", "một nghìn năm trăm", "one thousand five hundred"),
        ("1.5", "một phẩy năm", "one point five"),
        ("21", "hai mươi mốt", "twenty-one"),
        ("15", "mười lăm", "fifteen"),
        ("105", "một trăm linh năm", "one hundred five"),
        ("1005", "một nghìn không trăm linh năm", "one thousand five"),
        ("2000000", "hai triệu", "two million"),
        ("34255.07", "ba mươi bốn nghìn hai trăm năm mươi lăm phẩy không bảy",
         "thirty-four thousand two hundred fifty-five point zero seven"),
    ],
)  # fmt: skip
def test_a_number_is_said_back_in_words(value: str, vi: str, en: str) -> None:
    assert spell_number(Decimal(value), "vi") == vi
    assert spell_number(Decimal(value), "en") == en


@given(st.integers(min_value=0, max_value=10**11), st.sampled_from(["vi", "en"]), st.integers(0, 3))
def test_what_a_page_writes_can_be_typed_back(whole: int, locale: str, decimals: int) -> None:
    value = Decimal(whole) / 10**decimals

    assert parse_number(number(float(value), locale, decimals=decimals), locale) == value
