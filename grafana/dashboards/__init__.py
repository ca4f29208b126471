"""The dashboards, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grafana.dashboards.operations import alarms, gateways, ingest
from grafana.dashboards.tanks import facility, fleet, tank

ALL: tuple[Callable[[], Any], ...] = (fleet, facility, tank, gateways, ingest, alarms)
"""Every dashboard; calling one gives grafanalib's object."""
