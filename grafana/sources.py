"""The two data sources that panels read, and targets for each.

Every query is written out in full, so that the tests can run it against the store it names.
"""

from __future__ import annotations

from typing import Any

from grafanalib.core import SqlTarget
from grafanalib.influxdb import InfluxDBTarget

INFLUX_UID = "oxywatch-influx"
RECORDS_UID = "oxywatch-records"

INFLUX = {"type": "influxdb", "uid": INFLUX_UID}
"""The time series, asked in InfluxQL, which 1.x, 2.x and 3.x all answer."""

RECORDS = {"type": "grafana-postgresql-datasource", "uid": RECORDS_UID}
"""The read-only views `grafana_alarm` and `grafana_delivery` of the records."""


def series(query: str, *, alias: str, ref_id: str = "A") -> Any:
    """Return an InfluxQL target whose answer becomes one line for each series and column.

    `alias` names a line: `$tag_NAME` and `$col` stand for a tag's value and the column.
    """
    return InfluxDBTarget(query=query, alias=alias, refId=ref_id, datasource=INFLUX)


def influx_table(query: str, *, ref_id: str = "A") -> Any:
    """Return an InfluxQL target whose answer stays a table: time, tags, columns."""
    return InfluxDBTarget(query=query, format="table", refId=ref_id, datasource=INFLUX)


def presence(known: str, fresh: str, group_by: str = "") -> str:
    """Return the question how many of `known` are in `fresh`: `known`, `fresh` and `silent`, zero included.

    Both are InfluxQL with one column, `heard` and `present`. One answer for both: with two, the one that is
    empty when everything is silent would take its columns with it.
    """
    groups = f" GROUP BY {group_by}" if group_by else ""
    return (
        'SELECT count("heard") AS "known", count("present") AS "fresh", '  # noqa: S608  InfluxQL, constants
        f'count("heard") - count("present") AS "silent" FROM ({known}), ({fresh}){groups} fill(0)'
    )


def sql_table(query: str, *, ref_id: str = "A") -> Any:
    """Return an SQL target whose answer stays a table."""
    return SqlTarget(rawSql=query, format="table", refId=ref_id, datasource=RECORDS)


def sql_series(query: str, *, ref_id: str = "A") -> Any:
    """Return an SQL target with the columns `time`, `metric` (the line's name) and one number."""
    return SqlTarget(rawSql=query, format="time_series", refId=ref_id, datasource=RECORDS)
