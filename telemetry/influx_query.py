"""InfluxQL: the texts of the questions and the shape of the answers. Pure.

Names are validated and quoted; tag values travel as bound parameters, never in the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from oxygen.errors import Rejected
from telemetry.contract import Bucket, FieldValue, Row, Selection
from telemetry.validation import MAX_T_US, MIN_T_US, is_name

Values = Sequence[Any]


class Question(msgspec.Struct, frozen=True):
    """One statement and its bound parameters."""

    text: str
    params: Mapping[str, str] = {}


class Series(msgspec.Struct, frozen=True):
    """One table of an answer."""

    columns: list[str]
    values: list[list[Any]] = []


class Result(msgspec.Struct, frozen=True):
    """One statement's part of an answer."""

    series: list[Series] = []
    error: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """One document of an answer; a chunked answer has many."""

    results: list[Result] = []
    error: str | None = None


class Schema(msgspec.Struct, frozen=True):
    """What a measurement has: JSON writes 1.0 as 1, so types come from here."""

    tags: frozenset[str]
    types: Mapping[str, str]


def tag_keys(measurement: str) -> Question:
    """Ask for the names of the tags."""
    return Question(f"SHOW TAG KEYS FROM {_quoted(measurement)}")


def field_keys(measurement: str) -> Question:
    """Ask for the names and types of the fields."""
    return Question(f"SHOW FIELD KEYS FROM {_quoted(measurement)}")


def rows(selection: Selection, fields: Sequence[str]) -> Question:
    """Ask for points, ascending; all fields, or the named ones with every tag."""
    columns = ",".join([*map(_quoted, fields), "*::tag"]) if fields else "*"
    where, params = _conditions(selection.where, _times(selection))
    return Question(f"SELECT {columns} FROM {_quoted(selection.measurement)}{where}", params)  # noqa: S608


def latest(measurement: str, where: Mapping[str, str]) -> Question:
    """Ask for the newest point."""
    conditions, params = _conditions(where, [])
    text = f"SELECT * FROM {_quoted(measurement)}{conditions} ORDER BY time DESC LIMIT 1"  # noqa: S608
    return Question(text, params)


def buckets(selection: Selection, field: str, step_us: int) -> Question:
    """Ask for minimum, mean, maximum and count of a field per step, steps aligned to `since_us`."""
    name = _quoted(field)
    where, params = _conditions(selection.where, _times(selection))
    figures = f"min({name}),mean({name}),max({name}),count({name})"
    steps = f"time({step_us}u,{selection.since_us % step_us}u)"
    source = f"FROM {_quoted(selection.measurement)}{where}"
    return Question(f"SELECT {figures} {source} GROUP BY {steps} fill(none)", params)


def schema_of(tags: Iterable[Series], fields: Iterable[Series]) -> Schema:
    """Return the schema from the answers to `tag_keys` and `field_keys`."""
    types = {row[0]: row[1] for series in fields for row in series.values}
    return Schema(frozenset(row[0] for series in tags for row in series.values), types)


def rows_of(series: Series, schema: Schema) -> Iterator[Row]:
    """Yield the points of one table; what was not written is absent."""
    columns = [(i, name) for i, name in enumerate(series.columns) if name != "time"]
    tags = [(i, name) for i, name in columns if name in schema.tags]
    fields = [(i, name, schema.types.get(name, "")) for i, name in columns if name not in schema.tags]
    time_at = series.columns.index("time")
    for values in series.values:
        yield Row(
            t_us=values[time_at],
            tags={name: values[i] for i, name in tags if values[i]},
            fields={name: _typed(values[i], kind) for i, name, kind in fields if values[i] is not None},
        )


def buckets_of(series: Series) -> Iterator[Bucket]:
    """Yield the steps of one table."""
    for t_us, minimum, mean, maximum, count in series.values:
        yield Bucket(t_us, float(minimum), float(mean), float(maximum), count)


def _typed(value: FieldValue, kind: str) -> FieldValue:
    return float(value) if kind == "float" else value


def _quoted(name: str) -> str:
    if not is_name(name):
        raise Rejected(f"not a name: {name!r}", code="telemetry_query_rejected", reason=f"name {name!r}")
    return f'"{name}"'


def _times(selection: Selection) -> list[str]:
    """Return the bounds that restrict something, in ns; the others may not fit into 64 bits."""
    bounds = []
    if selection.since_us > MIN_T_US:
        bounds.append(f"time >= {min(selection.since_us, MAX_T_US + 1) * 1000}")
    if selection.until_us <= MAX_T_US:
        bounds.append(f"time < {max(selection.until_us, MIN_T_US) * 1000}")
    return bounds


def _conditions(where: Mapping[str, str], times: list[str]) -> tuple[str, dict[str, str]]:
    tags = [f"{_quoted(name)} = $tag_{i}" for i, name in enumerate(where)]
    conditions = tags + times
    params = {f"tag_{i}": value for i, value in enumerate(where.values())}
    return (" WHERE " + " AND ".join(conditions) if conditions else ""), params
