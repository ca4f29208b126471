"""What is typed about a contact, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import msgspec

from oxygen.messages import LOCALES
from records.alarms import SEVERITIES
from records.messages import CHANNELS, Contact

NAME_LIMIT = 100
ADDRESS_LIMIT = 500
SHORTEST_SECRET = 16
_EMAIL = re.compile(r"[^@\s<>(),;:\"\[\]\\]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?", re.IGNORECASE)

ErrorCode = tuple[str, dict[str, object]]


class TypedContact(msgspec.Struct, frozen=True):
    """A contact's fields as they were typed, to be shown again when one is wrong."""

    id: int = 0
    version: int = 0
    name: str = ""
    channel: str = "email"
    address: str = ""
    secret: str = ""
    facility: str = ""
    locale: str = "vi"
    minimum_severity: str = "warning"
    active: bool = True
    has_secret: bool = False


def typed(contact: Contact) -> TypedContact:
    """Return the fields of a stored contact; its signing key is not shown again."""
    return TypedContact(
        id=contact.id,
        version=contact.version,
        name=contact.name,
        channel=contact.channel,
        address=contact.address,
        facility=contact.facility or "",
        locale=contact.locale,
        minimum_severity=contact.minimum_severity,
        active=contact.active,
        has_secret=bool(contact.secret),
    )


def check(form: TypedContact, facilities: Collection[str]) -> dict[str, ErrorCode]:
    """Return what is wrong, by field; empty when nothing is.

    `facilities` are those that may be chosen; "" among them lets a contact be for all.
    """
    errors: dict[str, ErrorCode] = {}
    if not form.name:
        errors["name"] = ("field_missing", {})
    elif len(form.name) > NAME_LIMIT:
        errors["name"] = ("field_too_long", {"limit": NAME_LIMIT})
    _check_choices(form, facilities, errors)
    _check_address(form, errors)
    if (
        form.channel == "webhook"
        and len(form.secret) < SHORTEST_SECRET
        and (form.secret or not form.has_secret)
    ):
        errors["secret"] = ("secret_too_short", {"minimum": SHORTEST_SECRET})
    return errors


def contact(form: TypedContact, stored: Contact | None) -> Contact:
    """Return the contact that checked fields describe; an empty key keeps the stored one."""
    kept = stored.secret if stored is not None and stored.channel == form.channel else None
    return Contact(
        id=form.id,
        version=form.version,
        name=form.name,
        channel=form.channel,
        address=form.address,
        secret=(form.secret or kept) if form.channel == "webhook" else None,
        facility=form.facility or None,
        locale=form.locale,
        minimum_severity=form.minimum_severity,
        active=form.active,
    )


def _check_choices(form: TypedContact, facilities: Collection[str], errors: dict[str, ErrorCode]) -> None:
    choices: Mapping[str, tuple[str, Collection[str]]] = {
        "channel": (form.channel, CHANNELS),
        "locale": (form.locale, LOCALES),
        "minimum_severity": (form.minimum_severity, SEVERITIES),
        "facility": (form.facility, facilities),
    }
    for field, (value, allowed) in choices.items():
        if value not in allowed:
            errors[field] = ("not_a_choice", {})


def _check_address(form: TypedContact, errors: dict[str, ErrorCode]) -> None:
    if not form.address:
        errors["address"] = ("field_missing", {})
    elif len(form.address) > ADDRESS_LIMIT:
        errors["address"] = ("field_too_long", {"limit": ADDRESS_LIMIT})
    elif form.channel == "email" and not _is_email(form.address):
        errors["address"] = ("not_an_email", {"value": form.address})
    elif form.channel == "webhook" and not _is_web_address(form.address):
        errors["address"] = ("not_a_web_address", {"value": form.address})


def _is_email(address: str) -> bool:
    return address.isascii() and ".." not in address and _EMAIL.fullmatch(address) is not None


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
