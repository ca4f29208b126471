"""How a series is cut into steps."""

from __future__ import annotations

import re
from datetime import datetime

from oxygen.errors import Rejected
from oxygen.local_time import to_us
from oxygen.units import US_PER_DAY, US_PER_S

FIELDS = ("fill_percent", "mass_kg", "smoothed_kg", "pressure_pa", "draw_kg_per_h")
"""Fields of a derived point that may be asked for."""

STEPS_S = (
    *(1, 2, 5, 10, 20, 30),
    *(60, 120, 300, 600, 1200, 1800),
    *(3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400),
)
"""Round steps, so that the same span is cut the same way each time."""

LONGEST_US = 400 * US_PER_DAY
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,17}")


def step_us(since_us: int, until_us: int, points: int) -> int:
    """Return the shortest round step that cuts [since, until) into at most `points` parts."""
    span_us = until_us - since_us
    for seconds in STEPS_S:
        if -(-span_us // (seconds * US_PER_S)) <= points:
            return seconds * US_PER_S
    days = -(-span_us // (points * US_PER_DAY))
    return days * US_PER_DAY


def parse_instant(field: str, text: str) -> int:
    """Return µs for µs since 1970 or an RFC 3339 time with its zone; raises Rejected `bad_instant`."""
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    try:
        return to_us(datetime.fromisoformat(text.replace(" ", "+")))
    except (ValueError, OverflowError):
        raise Rejected(
            f"{field}: {text!r} is no instant", code="bad_instant", field=field, value=text
        ) from None


def check_span(since_us: int, until_us: int) -> None:
    """Refuse a span that is empty, backwards or longer than 400 days; raises Rejected `bad_span`."""
    if not 0 < until_us - since_us <= LONGEST_US:
        raise Rejected("until must be after since, by at most 400 days", code="bad_span")
