"""Puts panels on Grafana's grid of 24 columns, and dashboards together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafanalib.core import Dashboard, DashboardLink, GridPos, Template, Templating, Time

from grafana.panels import Panel
from grafana.sources import INFLUX
from grafana.texts import both

COLUMNS = 24
TIME_ZONE = "Asia/Ho_Chi_Minh"

FLEET, FACILITY, TANK = "oxywatch-fleet", "oxywatch-facility", "oxywatch-tank"
GATEWAYS, INGEST, ALARMS = "oxywatch-gateways", "oxywatch-ingest", "oxywatch-alarms"

TITLES = {
    FLEET: both("Toàn bộ bồn oxy lỏng", "All tanks"),
    FACILITY: both("Một bệnh viện", "One hospital"),
    TANK: both("Một bồn", "One tank"),
    GATEWAYS: both("Thiết bị thu thập", "Gateways"),
    INGEST: both("Tiếp nhận dữ liệu", "Ingest"),
    ALARMS: both("Báo động", "Alarms"),
}
"""Title of every dashboard by its uid; each links to all the others."""


@dataclass(frozen=True)
class Shelf:
    """Panels side by side, of equal width unless `widths` (of 24 in all) are given."""

    panels: Sequence[Panel]
    height: int
    widths: Sequence[int] = dataclasses.field(default=())

    def place(self, y: int, first_id: int) -> list[Panel]:
        """Give the panels their places and ids, and return them."""
        widths = self.widths or [COLUMNS // len(self.panels)] * len(self.panels)
        x = 0
        for i, (panel, width) in enumerate(zip(self.panels, widths, strict=True)):
            place = GridPos(h=self.height, w=width, x=x, y=y)
            panel.gridPos, panel.id = place, first_id + i
            x += width
        return list(self.panels)


def variable(
    name: str,
    label: str,
    query: str,
    *,
    source: dict[str, str] = INFLUX,
    all_values: bool = False,
    several: bool = False,
    regex: str = "",
) -> Any:
    """Return a variable filled by a query; with `all_values` it begins with all of them.

    Queries use it as `${name:regex}` between ^ and $: all values are `.*`, several are (a|b), and every
    other character is escaped by Grafana.
    """
    return Template(
        name=name,
        label=label,
        query=query,
        dataSource=source,
        includeAll=all_values,
        allValue=".*" if all_values else None,
        multi=several,
        regex=regex,
        refresh=2,
    )


def dashboard(
    uid: str,
    description: str,
    shelves: Sequence[Shelf],
    *,
    variables: Sequence[Any] = (),
    since: str = "now-24h",
    refresh: str = "30s",
) -> Any:
    """Return a dashboard of grafanalib with its panels placed from above."""
    panels: list[Panel] = []
    y = 0
    for shelf in shelves:
        panels += shelf.place(y, first_id=len(panels) + 1)
        y += shelf.height
    return Dashboard(
        uid=uid,
        title=TITLES[uid],
        description=description,
        tags=["oxywatch"],
        timezone=TIME_ZONE,
        time=Time(since, "now"),
        refresh=refresh,
        panels=panels,
        links=[_link(other) for other in TITLES if other != uid],
        templating=Templating(list=list(variables)),
    )


def _link(uid: str) -> Any:
    return DashboardLink(
        title=TITLES[uid], type="link", uri=f"/d/{uid}", icon="dashboard", keepTime=True, includeVars=False
    )
