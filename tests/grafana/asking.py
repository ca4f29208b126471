"""Asks a panel's query as Grafana would: variables filled in, macros expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.grafana.dashboards import Json
from tests.servers import Influxd

ALL = "$__all"
READER = "oxywatch_grafana"
_ESCAPED = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_UNITS_MS = {"h": 3_600_000, "d": 86_400_000}

Rows = list[dict[str, Any]]


def filled(query: str, chosen: Mapping[str, str]) -> str:
    """Put values into a query as Grafana's `:regex` format does; a variable nobody chose is an error."""

    def value(match: re.Match[str]) -> str:
        one = chosen[match[1]]
        return ".*" if one == ALL else _ESCAPED.sub(lambda found: "\\" + found[0], one)

    return re.sub(r"\$\{(\w+):regex\}", value, query)


@dataclass
class Asker:
    """The two stores, and the moment that is now."""

    influxd: Influxd
    influx_database: str
    postgres_address: Mapping[str, Any]
    now_ms: int
    questions: list[str] = field(default_factory=list)

    async def ask(self, target: Json, since: str, chosen: Mapping[str, str], step: str = "1m") -> Rows:
        """Return the rows of a target: for InfluxQL one dict per value row, tags included."""
        if target["datasource"]["type"] == "influxdb":
            return self.influxql(target["query"], since, chosen, step)
        return await self.sql(target["rawSql"], since, chosen)

    def influxql(
        self, query: str, since: str = "now-24h", chosen: Mapping[str, str] | None = None, step: str = "1m"
    ) -> Rows:
        """Run InfluxQL."""
        text = filled(query, chosen or {})
        from_ms = self.now_ms - milliseconds(since)
        text = text.replace("$timeFilter", f"time >= {from_ms}ms and time <= {self.now_ms}ms")
        text = text.replace("$__interval", step)
        assert "$" not in re.sub(r"\$/", "", text), text
        rows: Rows = []
        for series in self.influxd.query(text, self.influx_database):
            tags = series.get("tags", {})
            rows += [
                {**tags, **dict(zip(series["columns"], row, strict=True))} for row in series.get("values", [])
            ]
        return rows

    async def sql(self, query: str, since: str = "now-24h", chosen: Mapping[str, str] | None = None) -> Rows:
        """Run SQL as the role that Grafana has."""
        text = filled(query, chosen or {})
        from_s, to_s = (self.now_ms - milliseconds(since)) / 1000, self.now_ms / 1000
        text = re.sub(
            r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN to_timestamp({from_s}) AND to_timestamp({to_s})", text
        )
        connection = await asyncpg.connect(**self.postgres_address)
        try:
            return [dict(row) for row in await connection.fetch(text)]
        finally:
            await connection.close()


def milliseconds(since: str) -> int:
    """Return how long ago `now-24h` is."""
    amount, unit = since.removeprefix("now-")[:-1], since[-1]
    return int(amount) * _UNITS_MS[unit]
