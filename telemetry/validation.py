"""Which points no store takes, so that both stores refuse the same ones. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from oxygen.errors import Rejected
from telemetry.contract import FieldValue, Point

# InfluxDB keeps signed 64-bit nanoseconds, less two values that it reserves.
MIN_T_US = -((2**63 - 2) // 1000)
MAX_T_US = (2**63 - 2) // 1000

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
MAX_TEXT_BYTES = 64 * 1024
"""InfluxDB's documented limit of one text field."""

RESERVED_NAME = "time"
"""InfluxDB drops a field of this name silently and refuses a tag of this name."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Line protocol has no way to write a control character in a tag.
_NOT_IN_TAG = re.compile(r"[\x00-\x1f\x7f]")
_MAX_TAG_BYTES = 1024


@lru_cache(maxsize=4096)
def is_name(text: str) -> bool:
    """Tell whether `text` may name a measurement, a tag or a field."""
    return bool(_NAME.fullmatch(text)) and text != RESERVED_NAME and len(text) <= 128


def faults_of(points: Sequence[Point]) -> dict[int, str]:
    """Return index -> reason code for the points that no store can take; empty when all are good."""
    return {index: fault for index, point in enumerate(points) if (fault := fault_of(point))}


def fault_of(point: Point) -> str | None:
    """Return why no store can take the point, as a code, or None when it is good."""
    if fault := _series_fault(point.measurement, point.tags):
        return fault
    if not MIN_T_US <= point.t_us <= MAX_T_US:
        return "time_out_of_range"
    if any(name in point.fields for name, _ in point.tags):
        return "name_is_tag_and_field"
    return _fields_fault(point.fields)


def rejected(faults: Mapping[int, str]) -> Rejected:
    """Return the error that names the refused points by index, with one reason code each."""
    indices = sorted(faults)
    reasons = [faults[index] for index in indices]
    return Rejected(
        f"{len(indices)} points refused, the first at index {indices[0]}: {reasons[0]}",
        code="telemetry_points_rejected",
        count=len(indices),
        points=indices,
        reasons=reasons,
    )


@lru_cache(maxsize=16384)
def _series_fault(measurement: str, tags: tuple[tuple[str, str], ...]) -> str | None:
    """Check what a series repeats in every point; so the answer is kept."""
    names = [name for name, _ in tags]
    if not is_name(measurement) or not all(is_name(name) for name in names):
        return "bad_name"
    if len(set(names)) != len(names):
        return "repeated_tag"
    return next((fault for _, value in tags if (fault := _tag_value_fault(value))), None)


def _tag_value_fault(value: str) -> str | None:
    if not value:
        return "empty_tag"
    # A backslash at the end would escape the separator that follows it.
    if _NOT_IN_TAG.search(value) or value.endswith("\\"):
        return "bad_tag_value"
    return _text_fault(value, _MAX_TAG_BYTES)


def _fields_fault(fields: Mapping[str, FieldValue]) -> str | None:
    if not fields:
        return "no_fields"
    for name, value in fields.items():
        if not is_name(name):
            return "bad_name"
        if isinstance(value, float):
            if not math.isfinite(value):
                return "not_finite"
        elif isinstance(value, str):
            if fault := _text_fault(value, MAX_TEXT_BYTES):
                return fault
        elif not MIN_INTEGER <= value <= MAX_INTEGER:
            return "integer_out_of_range"
    return None


def _text_fault(text: str, max_bytes: int) -> str | None:
    if text.isascii():
        return "text_too_long" if len(text) > max_bytes else None
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return "text_not_unicode"
    return "text_too_long" if size > max_bytes else None
