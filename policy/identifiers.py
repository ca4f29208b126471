"""Writing phone numbers, citizen ids and dates of birth in one way, so that equal ones are found equal.

Pure. Vietnamese numbers follow the national numbering plan: mobile ones have
ten digits since 2018, when those of eleven were given new prefixes; land lines begin with 02.
"""

from __future__ import annotations

import datetime
import re

SEXES = ("female", "male", "other", "unknown")

_NOISE = re.compile(r"[\s.\-()\u00a0]+")
_MOBILE = re.compile(r"0[35789]\d{8}")
_LAND_LINE = re.compile(r"02\d{8,9}")
_ABROAD = re.compile(r"\+[1-9]\d{7,14}")
_CITIZEN_ID = re.compile(r"\d{12}|\d{9}")
_MAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\".]+(?:\.[^\s@,;<>\".]+)+")
_LONGEST_MAIL = 254

NEW_PREFIXES = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036",
    "0167": "037", "0168": "038", "0169": "039",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip
"""Prefixes of eleven-digit mobile numbers and what took their place on 15 September 2018."""


def phone_e164(text: str) -> str | None:
    """Return a phone number as +84901234567, or None when it is not one.

    Takes the forms people write: 0901 234 567, 84 901…, +84 (0)901…, 0084…, and numbers of other countries
    when they begin with + or 00.
    """
    digits = _NOISE.sub("", text)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if re.fullmatch(r"84\d{9,10}", digits):
        digits = "+" + digits
    if digits.startswith("+84"):
        digits = "0" + digits[3:].removeprefix("0")
    if digits.startswith("+"):
        return digits if _ABROAD.fullmatch(digits) else None
    if len(digits) == 11 and digits[:4] in NEW_PREFIXES:
        digits = NEW_PREFIXES[digits[:4]] + digits[4:]
    vietnamese = _MOBILE.fullmatch(digits) or _LAND_LINE.fullmatch(digits)
    return "+84" + digits[1:] if vietnamese and digits.isascii() else None


def citizen_id(text: str) -> str | None:
    """Return a citizen id (12 digits) or the older identity number (9 digits) bare, or None."""
    digits = _NOISE.sub("", text)
    return digits if digits.isascii() and _CITIZEN_ID.fullmatch(digits) else None


def mail_address(text: str) -> str | None:
    """Return a mail address without surrounding space, its domain in small letters, or None."""
    address = text.strip()
    if len(address) > _LONGEST_MAIL or not _MAIL.fullmatch(address):
        return None
    name, _, domain = address.rpartition("@")
    return f"{name}@{domain.lower()}"


def birth_block(born: datetime.date, sex: str, ward: str) -> str:
    """Return what persons of one birth date, sex and ward share; names are compared within such a block.

    Raises ValueError for a sex that is not one of SEXES.
    """
    if sex not in SEXES:
        raise ValueError(sex)
    return f"{born.isoformat()}|{sex}|{ward.strip().lower()}"


def masked(text: str) -> str:
    """Return a phone number or mail address with its middle hidden, to be recognised by its owner alone."""
    name, at, domain = text.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{text[:3]}***{text[-2:]}" if len(text) > 6 else "***"
