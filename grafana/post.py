"""From what grafanalib writes (schema version 12) to the dashboard schema of a current Grafana.

grafanalib keeps keys that Grafana has dropped, writes null for what was not given, and does not know some
options that are required today. Grafana would migrate old dashboards in the browser, unseen, at every load;
here the result is in the file, and the tests check it against Grafana's own types.
"""

from __future__ import annotations

import json
from typing import Any

from grafanalib._gen import DashboardEncoder

Json = dict[str, Any]

SCHEMA_VERSION = 42

_DASHBOARD_KEYS_DROPPED = ("__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style")
_PANEL_KEYS_DROPPED = (
    "cacheTimeout",
    "color",
    "columns",
    "editable",
    "error",
    "fontSize",
    "height",
    "hideTimeOverride",
    "links",
    "mappings",
    "minSpan",
    "span",
    "styles",
)
_VARIABLE_KEYS_DROPPED = ("useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count")

_OPTIONS = {
    "stat": {"percentChangeColorMode": "standard", "showPercentChange": False, "wideLayout": True},
    "table": {"cellHeight": "sm", "showHeader": True, "frameIndex": 0},
}
_LINKED_CURSOR = 1


def modern(dashboard: Any) -> Json:
    """Return the dashboard's JSON as Grafana writes it today."""
    # Through text and back, so that nothing of grafanalib's objects is left.
    given = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    made: Json = _without(given, _DASHBOARD_KEYS_DROPPED)
    made["panels"] = [_panel(panel) for panel in given["panels"]]
    made["templating"] = {"list": [_variable(variable) for variable in given["templating"]["list"]]}
    made["timepicker"] = {"refresh_intervals": given["timepicker"]["refresh_intervals"]}
    made["annotations"] = {"list": []}
    made |= {"schemaVersion": SCHEMA_VERSION, "editable": False, "graphTooltip": _LINKED_CURSOR}
    made["fiscalYearStartMonth"], made["liveNow"] = 0, False
    return made


def _panel(given: Json) -> Json:
    panel: Json = _without_nulls(_without(given, _PANEL_KEYS_DROPPED))
    kind = panel["type"]
    panel["targets"] = [_target(target) for target in panel.get("targets", [])]
    panel["options"] = _options(kind, panel.get("options", {}))
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults["thresholds"].get("steps"):
        del defaults["thresholds"]
    custom = defaults.get("custom", {})
    if kind == "timeseries":
        defaults["custom"] = _curve(custom)
    elif kind == "table":
        defaults["custom"] = {
            "align": "auto",
            "cellOptions": {"type": "auto"},
            "filterable": True,
            "inspect": False,
        }
    elif not custom:
        defaults.pop("custom", None)
    if not panel.get("transformations"):
        panel.pop("transformations", None)
    return panel


def _options(kind: str, given: Json) -> Json:
    options = given | _OPTIONS.get(kind, {})
    if "legend" in options:
        options["legend"] = {"showLegend": True, "calcs": [], **options["legend"]}
    if "tooltip" in options:
        options["tooltip"] = {"mode": "multi", "sort": "none"}
    return options


def _curve(custom: Json) -> Json:
    """Return a curve's style; grafanalib names an empty stacking and a base for a linear scale."""
    return _without(custom, ("stacking",)) | {"scaleDistribution": {"type": "linear"}}


def _target(given: Json) -> Json:
    """Return a query; grafanalib's targets carry the keys of other data sources."""
    wanted = ("datasource", "refId", "query", "rawSql", "rawQuery", "resultFormat", "alias", "format")
    target = {key: given[key] for key in wanted if given.get(key) not in (None, "")}
    if "rawSql" in target:
        target["editorMode"] = "code"
    return target


def _variable(given: Json) -> Json:
    """Return a variable; without `current` Grafana takes the first value that the query gives."""
    variable: Json = _without_nulls(_without(given, (*_VARIABLE_KEYS_DROPPED, "current")))
    if given["includeAll"]:
        chosen = {"text": "All", "value": "$__all"}
        variable["current"] = {key: [one] for key, one in chosen.items()} if given["multi"] else chosen
    return variable


def _without(given: Json, keys: tuple[str, ...]) -> Json:
    return {key: value for key, value in given.items() if key not in keys}


def _without_nulls(value: Any) -> Any:
    """Drop null members, except the threshold that begins at minus infinity, which is written as null."""
    if isinstance(value, dict):
        step = value.keys() == {"value", "color"}
        return {key: _without_nulls(one) for key, one in value.items() if one is not None or step}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value
