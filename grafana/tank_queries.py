"""Questions about tanks in InfluxQL, and what the codes in their answers are called.

A present value is asked for as `last("quality"), "fill_percent", …`: InfluxQL's selector takes the newest
point within `FRESH`, and the other columns of that same point. `quality` is in every point, so a figure that
the newest point does not have is null, even if an older one has it: a broken wire never shows the contents of
before. `smoothed_kg` keeps the last trusted contents and is therefore not for present values.
"""

from __future__ import annotations

from grafana import texts
from grafana.limits import FRESH, KNOWN
from grafana.sources import presence
from grafana.texts import both

ANY_TANK = '"subject" =~ /^tank:/'
TANKS_OF_FACILITY = f'"facility" =~ /^${{facility:regex}}$/ AND {ANY_TANK}'
ONE_TANK = '"subject" =~ /^${tank:regex}$/'

BY_TANK = "$tag_subject"

QUALITY_COLOURS = {
    "good": texts.GREEN,
    "uncertain": texts.YELLOW,
    "bad": texts.ORANGE,
    "test": texts.BLUE,
    "manual": texts.PURPLE,
}
REASON_COLOURS = {
    "ok": texts.GREEN,
    "wire_break": texts.RED,
    "fail_low": texts.RED,
    "fail_high": texts.RED,
    "under_range": texts.YELLOW,
    "over_range": texts.YELLOW,
    "device_status": texts.RED,
    "no_answer": texts.RED,
    "exception_answer": texts.RED,
    "bad_answer": texts.RED,
    "not_a_number": texts.RED,
    "out_of_span": texts.ORANGE,
    "no_level": texts.ORANGE,
    "pressure_assumed": texts.YELLOW,
    "dated_by_server": texts.YELLOW,
    "order_only": texts.YELLOW,
    "implausible": texts.ORANGE,
    "stale": texts.GREY,
    "never_read": texts.GREY,
    "in_test": texts.BLUE,
}
FILLING = texts.yes_no(yes=(both("đang nạp", "filling"), texts.BLUE), no=("–", texts.PLAIN))


def fresh(where: str, columns: str) -> str:
    """Return the question for the newest point of each tank, not older than FRESH."""
    return (
        f'SELECT last("quality") AS "quality", {columns} FROM "derived" '  # noqa: S608  InfluxQL, constants
        f'WHERE {where} AND time > now() - {FRESH} GROUP BY "facility", "subject"'
    )


def heard_at(where: str) -> str:
    """Return the question for the time of each tank's newest point within KNOWN, however old."""
    return _newest("heard", where, KNOWN)


def fresh_or_silent(where: str, group_by: str = "") -> str:
    """Return the question which tanks have a fresh reading; see `presence`."""
    return presence(heard_at(where), _newest("present", where, FRESH), group_by)


def _newest(name: str, where: str, window: str) -> str:
    return (
        f'SELECT last("quality") AS "{name}" FROM "derived" '  # noqa: S608
        f'WHERE {where} AND time > now() - {window} GROUP BY "facility", "subject"'
    )


def over_time(expression: str, where: str) -> str:
    """Return the question for an aggregate of each tank over the time shown, null in empty steps."""
    return (
        f'SELECT {expression} FROM "derived" WHERE {where} AND $timeFilter '  # noqa: S608
        'GROUP BY time($__interval), "subject" fill(null)'
    )
