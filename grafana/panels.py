"""The kinds of panel that the dashboards are made of, each with its one way of showing absence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafanalib.core import Stat, StateTimeline, Table, Text, TimeSeries

from grafana.limits import Steps
from grafana.texts import GREY, NO_FRESH_READING, NO_READING, PLAIN, ValueMapping, absent, both, words

Json = dict[str, Any]
Panel = Any
"""A panel of grafanalib, without a place yet."""

SHORTEST_STEP = "1m"
"""Steps are not finer than this: history is kept at 60 s, and finer steps would be mostly empty."""

LONGEST_JOIN_MS = 5 * 60 * 1000
"""A line is broken where nothing was measured for longer."""


PRESENCE: Mapping[str, Any] = {
    "mappings": [
        absent(NO_FRESH_READING),
        words({"0": (NO_FRESH_READING, GREY), "1": (both("mới", "fresh"), PLAIN)}),
    ],
    "custom.cellOptions": {"type": "color-background", "mode": "basic", "applyToRow": True},
}
"""Looks of the column that says whether there is anything fresh: where not, the whole row is grey."""


@dataclass(frozen=True)
class Column:
    """A table's column: the name in the answer, the heading, and how its values look."""

    name: str
    heading: str
    unit: str = "none"
    properties: Mapping[str, Any] = field(default_factory=dict)

    def override(self) -> Json:
        """Return the field override."""
        wanted = {"displayName": self.heading, "unit": self.unit, **self.properties}
        return override(self.name, wanted)


def override(name: str, properties: Mapping[str, Any]) -> Json:
    """Return a field override by the field's name."""
    listed = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def joined(key: str, unwanted: Mapping[str, Sequence[str]]) -> list[Json]:
    """Return transformations that make one row per `key` out of several answers.

    `unwanted` names, by target, the columns to drop first. A key that only one answer has keeps its row, with
    nothing in the other answers' columns.
    """
    dropped = [
        {
            "id": "organize",
            "filter": {"id": "byRefId", "options": ref_id},
            "options": {
                "excludeByName": dict.fromkeys(names, True),
                "indexByName": {},
                "renameByName": {},
            },
        }
        for ref_id, names in unwanted.items()
    ]
    return [*dropped, {"id": "joinByField", "options": {"byField": key, "mode": "outer"}}]


def thresholds(steps: Steps) -> Json:
    """Return absolute thresholds."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def stat(
    title: str,
    description: str,
    targets: Sequence[Any],
    *,
    unit: str,
    shown: str = "",
    steps: Steps,
    decimals: int | None = None,
    mappings: Sequence[ValueMapping] = (),
    no_value: str = NO_READING,
    overrides: Sequence[Json] = (),
) -> Panel:
    """Return a panel of single present values; `shown` is a regular expression of columns."""
    defaults = {
        "mappings": [absent(no_value), *mappings],
        "color": {"mode": "thresholds"},
        "thresholds": thresholds(steps),
    }
    return Stat(
        title=title,
        description=description,
        dataSource=targets[0].datasource,
        targets=list(targets),
        format=unit,
        decimals=decimals,
        noValue=no_value,
        reduceCalc="last",  # keeps a missing value missing; `lastNotNull` would bring an old one back
        fields=shown,
        graphMode="none",
        overrides=list(overrides),
        extraJson={"fieldConfig": {"defaults": defaults}},
    )


def table(
    title: str,
    description: str,
    targets: Sequence[Any],
    columns: Sequence[Column],
    *,
    transformations: Sequence[Json] = (),
    no_value: str = NO_READING,
) -> Panel:
    """Return a table; columns come in the order given, whatever order the answer has."""
    order: Json = {"excludeByName": {}, "renameByName": {}}
    order["indexByName"] = {column.name: i for i, column in enumerate(columns)}
    defaults = {"mappings": [absent(no_value)], "color": {"mode": "thresholds"}}
    return Table(
        title=title,
        description=description,
        dataSource=targets[0].datasource,
        targets=list(targets),
        unit="none",
        overrides=[column.override() for column in columns],
        transformations=[*transformations, {"id": "organize", "options": order}],
        extraJson={"fieldConfig": {"defaults": {**defaults, "noValue": no_value}}},
    )


def lines(
    title: str,
    description: str,
    targets: Sequence[Any],
    *,
    unit: str,
    draw: str = "line",
    soft_minimum: int | None = None,
    soft_maximum: int | None = None,
    overrides: Sequence[Json] = (),
    step: str = SHORTEST_STEP,
) -> Panel:
    """Return curves (`draw` "line") or columns ("bars") over time, with gaps where nothing was measured."""
    return TimeSeries(
        title=title,
        description=description,
        dataSource=targets[0].datasource,
        targets=list(targets),
        unit=unit,
        interval=step,
        maxDataPoints=1000,
        drawStyle=draw,
        fillOpacity=60 if draw == "bars" else 0,
        showPoints="never" if draw == "line" else "auto",
        axisSoftMin=soft_minimum,
        axisSoftMax=soft_maximum,
        tooltipMode="multi",
        overrides=list(overrides),
        extraJson={"fieldConfig": {"defaults": {"custom": {"spanNulls": LONGEST_JOIN_MS}}}},
    )


def timeline(title: str, description: str, targets: Sequence[Any], mappings: Sequence[ValueMapping]) -> Panel:
    """Return states over time, one row for each series, blank where nothing was measured."""
    return StateTimeline(
        title=title,
        description=description,
        dataSource=targets[0].datasource,
        targets=list(targets),
        interval=SHORTEST_STEP,
        maxDataPoints=1000,
        mappings=list(mappings),
        extraJson={"fieldConfig": {"defaults": {"unit": "none", "noValue": NO_READING}}},
    )


def note(title: str, description: str, content: str) -> Panel:
    """Return a text in Markdown."""
    return Text(title=title, description=description, content=content)
