"""Refusals that several services share, each with a code that the message catalogues know."""

from __future__ import annotations

from oxygen.errors import Rejected
from oxygen.subjects import is_code


def changed_meanwhile(what: str, key: object) -> Rejected:
    """Return the refusal for a change that was based on an older version."""
    return Rejected(f"{what} {key} was changed meanwhile", code="changed_meanwhile", what=what, key=str(key))


def not_found(what: str, key: object) -> Rejected:
    """Return the refusal for something that does not exist."""
    return Rejected(f"there is no {what} {key}", code="not_found", what=what, key=str(key))


def bad_value(field: str, value: object, expected: str) -> Rejected:
    """Return the refusal for a value, naming its field, what came and what is accepted (a code)."""
    return Rejected(
        f"{field}: found {value!r}, expected {expected}",
        code="bad_value",
        field=field,
        value=str(value),
        expected=expected,
    )


def check_code(field: str, value: str) -> None:
    """Raise Rejected unless `value` is a registry code."""
    if not is_code(value):
        raise bad_value(field, value, "code")


def check_one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise Rejected unless `value` is one of the allowed codes."""
    if value not in allowed:
        raise bad_value(field, value, " | ".join(allowed))
