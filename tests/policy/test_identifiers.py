"""Phone numbers, citizen ids and mail addresses come out alike however people write them."""

from __future__ import annotations

import datetime

import pytest

from policy.identifiers import birth_block, citizen_id, mail_address, masked, phone_e164


@pytest.mark.parametrize(
    "text",
    [
        "0901234567",
        "0901 234 567",
        "0901.234.567",
        "(090) 123-4567",
        "+84 901 234 567",
        "+84 (0)901 234 567",
        "84901234567",
        "0084 901 234 567",
        "\u00a00901\u00a0234\u00a0567 ",
    ],
)
def test_every_way_of_writing_a_mobile_number_is_the_same_number(text: str) -> None:
    assert phone_e164(text) == "+84901234567"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("028 3855 4137", "+842838554137"),
        ("0210 384 7799", "+842103847799"),
        ("01201234567", "+84701234567"),
        ("+84 168 123 4567", "+84381234567"),
        ("0199 123 4567", "+84591234567"),
        ("+1 202 555 0100", "+12025550100"),
        ("0044 20 7946 0000", "+442079460000"),
    ],
)
def test_land_lines_numbers_of_before_2018_and_of_other_countries_are_known(text: str, number: str) -> None:
    assert phone_e164(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "115", "0123456789", "090123456", "09012345678", "0901234567a", "+84", "+0901234567", "٠٩٠١٢٣٤٥٦٧"],
)
def test_what_cannot_be_dialled_is_no_number(text: str) -> None:
    assert phone_e164(text) is None


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("079 085 001234", "079085001234"),
        ("024.123.456", "024123456"),
        ("0790850012", None),
        ("07908500123x", None),
        ("", None),
    ],
)
def test_a_citizen_id_has_twelve_digits_or_nine(text: str, bare: str | None) -> None:
    assert citizen_id(text) == bare


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Lan@BV.Example ", "Lan@bv.example"),
        ("lan.nguyen+truc@bv.example", "lan.nguyen+truc@bv.example"),
        ("lan@bv", None),
        ("lan@@bv.example", None),
        ("lan@bv.example\nBcc: x@y.example", None),
        ("a" * 250 + "@bv.example", None),
    ],
)
def test_a_mail_address_keeps_its_name_and_its_domain_in_small_letters(
    text: str, address: str | None
) -> None:
    assert mail_address(text) == address


def test_a_block_tells_birth_date_sex_and_ward_apart() -> None:
    born = datetime.date(1985, 3, 9)
    blocks = {
        birth_block(born, "female", "26734"),
        birth_block(born, "male", "26734"),
        birth_block(born, "female", "26737"),
        birth_block(datetime.date(1985, 9, 3), "female", "26734"),
    }
    assert len(blocks) == 4
    assert birth_block(born, "female", " 26734 ") in blocks
    with pytest.raises(ValueError, match="nữ"):
        birth_block(born, "nữ", "26734")


def test_a_masked_address_is_known_by_its_owner_alone() -> None:
    assert masked("+84901234567") == "+84***67"
    assert masked("lan.nguyen@bv.example") == "l***@bv.example"
    assert masked("115") == "***"
