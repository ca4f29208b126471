"""How grave an alarm is, and which of two is graver."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Low stock has three steps; a `warning` says that somebody must look because we cannot see."""

    WARNING = "warning"
    REORDER = "reorder"
    URGENT = "urgent"
    CRITICAL = "critical"


STOCK_SEVERITIES = (Severity.REORDER, Severity.URGENT, Severity.CRITICAL)
"""From mild to grave."""

_RANK = {Severity.WARNING: 1, Severity.REORDER: 1, Severity.URGENT: 2, Severity.CRITICAL: 3}


def rank(severity: str | None) -> int:
    """Return 0 for none, 1 to 3 for a severity.

    A warning stands beside `reorder`: whoever is told to order must also be told that nobody can see.
    Raises ValueError for a text that is no severity.
    """
    return 0 if severity is None else _RANK[Severity(severity)]


def reaches(severity: str, minimum: str) -> bool:
    """Tell whether somebody who asked for `minimum` and above wants to hear of `severity`."""
    return rank(severity) >= rank(minimum)
