"""Every dashboard fits the types that Grafana publishes for its dashboards (tests/grafana/schema)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.grafana.dashboards import Json, dashboards, panels

SCHEMA_FILE = Path(__file__).parent / "schema" / "grafana-schema.json"
# The kinds whose options stand in the file; another kind has to be added to schema/generate.py first.
KINDS = {"stat", "table", "timeseries", "state-timeline"}

PANELS = dict(panels())


@cache
def schemas() -> dict[str, Json]:
    loaded: dict[str, Json] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))["schemas"]
    return loaded


def findings(name: str, value: Any) -> list[str]:
    """Return what a schema finds wrong."""
    errors = Draft7Validator(schemas()[name]).iter_errors(value)
    return [f"{name} {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]


def property_schema(name: str, key: str) -> Json | None:
    """Return the schema of one property of a type, or None when the type has none of that name."""
    whole = schemas()[name]
    definition = whole["definitions"][whole["$ref"].removeprefix("#/definitions/")]
    found = definition["properties"].get(key)
    return None if found is None else {**found, "definitions": whole["definitions"]}


def default_schema(key: str) -> Json | None:
    """Return the schema of one standard field setting (unit, thresholds, …)."""
    settings = property_schema("Panel", "fieldConfig")
    assert settings is not None
    found = settings["properties"]["defaults"]["properties"].get(key)
    return None if found is None else {**found, "definitions": settings["definitions"]}


@pytest.mark.parametrize("uid", dashboards())
def test_the_dashboard_is_one_for_grafana(uid: str) -> None:
    """The whole file, every panel's common part included."""
    assert findings("Dashboard", dashboards()[uid]) == []


@pytest.mark.parametrize(("name", "panel"), PANELS.items(), ids=PANELS)
def test_the_panel_and_its_options_are_ones_for_grafana(name: str, panel: Json) -> None:
    """Grafana's dashboard type leaves the options of each kind open; here the kind's own type checks them."""
    kind = panel["type"]
    assert kind in KINDS
    found = findings("Panel", panel) + findings(f"{kind}.options", panel["options"])
    custom = panel["fieldConfig"]["defaults"].get("custom")
    if f"{kind}.custom" in schemas():
        found += findings(f"{kind}.custom", custom or {})
    else:
        assert custom is None
    assert found == []


@pytest.mark.parametrize(("name", "panel"), PANELS.items(), ids=PANELS)
def test_the_panels_overrides_set_what_exists(name: str, panel: Json) -> None:
    """A misspelt override would be ignored by Grafana without a word."""
    for override in panel["fieldConfig"]["overrides"]:
        for setting in override["properties"]:
            key = setting["id"]
            if key.startswith("custom."):
                schema = property_schema(f"{panel['type']}.custom", key.removeprefix("custom."))
            else:
                schema = default_schema(key)
            assert schema is not None, key
            assert [error.message for error in Draft7Validator(schema).iter_errors(setting["value"])] == []


def test_the_schema_refuses_what_an_older_grafana_had() -> None:
    """The check bites: an unknown option, a wrong type and a missing one are found."""
    panel = next(iter(PANELS.values()))
    options = panel["options"]
    assert findings("stat.options", {**options, "fieldOptions": {}}) != []
    assert findings("stat.options", {**options, "colorMode": "rainbow"}) != []
    assert findings("stat.options", {key: options[key] for key in options if key != "reduceOptions"}) != []
