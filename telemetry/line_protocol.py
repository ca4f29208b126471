"""InfluxDB's line protocol: points to bytes. Pure.

One line per point: `measurement,tag=value field=1.5,other="text" 1700000000000000`, the time in µs. Names are
not escaped: validation leaves none that would need it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from telemetry.contract import FieldValue, Point

_TAG_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_TEXT_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def encode(points: Iterable[Point]) -> bytes:
    """Return the lines of points that passed validation, in UTF-8, joined by newlines."""
    return "\n".join(map(encode_point, points)).encode()


def encode_point(point: Point) -> str:
    """Return the line of one point that passed validation, without a newline at its end."""
    fields = ",".join([f"{name}={_value(value)}" for name, value in point.fields.items()])
    return f"{_series_key(point.measurement, point.tags)} {fields} {point.t_us:d}"


@lru_cache(maxsize=16384)
def _series_key(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    """Return measurement and tags, sorted as InfluxDB's own series key is, which spares it the sorting."""
    escaped = [f",{name}={value.translate(_TAG_ESCAPES)}" for name, value in sorted(tags)]
    return measurement + "".join(escaped)


def _value(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float.__repr__(value)  # shortest text that reads back as the same number
    if isinstance(value, int):
        return f"{value:d}i"
    if '"' in value or "\\" in value:
        value = value.translate(_TEXT_ESCAPES)
    return f'"{value}"'  # a newline stands for itself inside the quotes
