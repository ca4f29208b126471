"""Whole numbers that a browser sends back as text: versions, ids, cursors."""

from __future__ import annotations

LONGEST = 18
"""Digits that fit any database's integer."""


def whole_number(text: str | None) -> int | None:
    """Return the number, or None for anything but 1 to 18 ordinary digits."""
    if text and text.isascii() and text.isdigit() and len(text) <= LONGEST:
        return int(text)
    return None
