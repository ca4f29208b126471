"""What counts as current and as little on dashboards: the rules' default limits.

A hospital may have limits of its own; those decide alarms. Dashboards colour by the defaults, so that one
colour means the same on every row.
"""

from __future__ import annotations

from grafana.texts import GREEN, ORANGE, RED, YELLOW
from oxygen.rules.limits import StaleLimits, StockLimits

Steps = list[tuple[float | None, str]]

_STOCK = StockLimits()
_LEAD_TIME_H = 24.0  # what the registry assumes for a supplier that nobody has asked

FRESH_MINUTES = round(StaleLimits().after_s / 60)
FRESH = f"{FRESH_MINUTES}m"
"""InfluxQL duration: a tank whose newest reading is older is shown without figures."""

HEARD = "60s"
"""The same for what ingest writes every 10 s about itself and the gateways."""

KNOWN = "30d"
"""A tank, gateway or program that has been silent for longer has left the dashboards."""

FILL_STEPS: Steps = [
    (None, RED),
    (_STOCK.critical_percent, ORANGE),
    (_STOCK.urgent_percent, YELLOW),
    (_STOCK.reorder_percent, GREEN),
]
"""Colours of fill percent from below."""

HOURS_STEPS: Steps = [
    (None, RED),
    (_STOCK.critical_h, ORANGE),
    (_STOCK.urgent_h, YELLOW),
    (_STOCK.reorder_margin_h + _LEAD_TIME_H, GREEN),
]
"""Colours of the hours to empty from below."""
