"""What an account has to show to be let in. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cache
from importlib import resources

MINIMUM_PASSWORD_LENGTH = 10
MAXIMUM_PASSWORD_LENGTH = 200
"""Hashing is slow on purpose; an endless password must not make it slower."""

SECOND_FACTOR_ROLES = frozenset({"administrator", "doh", "national", "ministry_health_service"})
"""Roles that see or change more than one hospital's matters."""

DONE = "done"
NEEDED = "needed"
ENROL = "enrol"
SECOND_FACTOR_STATES = (DONE, NEEDED, ENROL)


def second_factor_required(roles: Collection[str]) -> bool:
    """Tell whether somebody with these roles must have a second factor."""
    return bool(SECOND_FACTOR_ROLES.intersection(roles))


def second_factor_state(roles: Collection[str], *, enrolled: bool, shown: bool) -> str:
    """Return what a session still owes: `done`, `needed` (a code) or `enrol` (an authenticator).

    Whoever has enrolled by choice is asked as well. With `needed` or `enrol` only the pages that settle it
    may be served.
    """
    if enrolled:
        return DONE if shown else NEEDED
    return ENROL if second_factor_required(roles) else DONE


def password_problem(password: str, username: str) -> str | None:
    """Return the code of what is wrong with a new password, or None.

    `password_too_short`, `password_too_long`, `password_is_username`, `password_too_common`. No rule asks for
    kinds of characters: length and not being on everybody's list is what counts (NIST SP 800-63B 5.1.1.2).
    """
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        return "password_too_short"
    if len(password) > MAXIMUM_PASSWORD_LENGTH:
        return "password_too_long"
    bare = _bare(password)
    if bare == _bare(username):
        return "password_is_username"
    if bare in _common() or len(set(bare)) < 3 or _is_run(bare):
        return "password_too_common"
    return None


def _bare(text: str) -> str:
    """Return a text as a guesser sees it: case, spaces and a few signs at the end make no difference."""
    return "".join(text.lower().split()).rstrip("!.?@#$*")


def _is_run(text: str) -> bool:
    """Tell whether a text is a run of letters, digits or neighbouring keys, or one piece repeated."""
    rows = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm")
    if any(text in row * 2 or text in row[::-1] * 2 for row in rows):
        return True
    return any(text == text[:size] * (len(text) // size) for size in (1, 2, 3, 4) if len(text) % size == 0)


@cache
def _common() -> frozenset[str]:
    text = resources.files(__package__).joinpath("common_passwords.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["passwords"])
