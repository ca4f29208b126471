"""One-time passwords that a person can read to another on the telephone."""

from __future__ import annotations

import secrets

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for each other: i l o 0 1."""

_GROUPS, _LENGTH = 4, 4


def one_time_password() -> str:
    """Return four groups of four letters, some 79 bits."""
    groups = ("".join(secrets.choice(LETTERS) for _ in range(_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)
