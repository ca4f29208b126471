"""Makes grafana-schema.json anew from Grafana's own types; needs npm and a registry, which the tests do not.

    python tests/grafana/schema/generate.py

Grafana publishes the types of its dashboards as `@grafana/schema`; `ts-json-schema-generator` turns them into
JSON Schemas. Both are installed into a temporary folder. Descriptions are left out: they are most of the
text, and nobody reads them here.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = HERE / "grafana-schema.json"

SCHEMA_VERSION = "13.2.3"
GENERATOR_VERSION = "2.9.0"

# Name in the file -> (source below @grafana/schema's dist/types/raw, type).
TYPES = {
    "Dashboard": ("dashboard/x", "Dashboard"),
    "Panel": ("dashboard/x", "Panel"),
    "stat.options": ("composable/stat/panelcfg/x", "Options"),
    "state-timeline.custom": ("composable/statetimeline/panelcfg/x", "FieldConfig"),
    "state-timeline.options": ("composable/statetimeline/panelcfg/x", "Options"),
    "table.custom": ("composable/table/panelcfg/x", "FieldConfig"),
    "table.options": ("composable/table/panelcfg/x", "Options"),
    "text.options": ("composable/text/panelcfg/x", "Options"),
    "timeseries.custom": ("composable/timeseries/panelcfg/x", "FieldConfig"),
    "timeseries.options": ("composable/timeseries/panelcfg/x", "Options"),
}


def without_descriptions(value: Any, *, names_are_data: bool = False) -> Any:
    """Drop `description`, except where it is the name of a property."""
    if isinstance(value, dict):
        return {
            key: without_descriptions(one, names_are_data=key in ("properties", "definitions"))
            for key, one in value.items()
            if names_are_data or key not in ("description", "$schema")
        }
    if isinstance(value, list):
        return [without_descriptions(one) for one in value]
    return value


def generate(work: Path) -> dict[str, Any]:
    """Return every schema by its name in TYPES."""
    packages = [f"@grafana/schema@{SCHEMA_VERSION}", f"ts-json-schema-generator@{GENERATOR_VERSION}"]
    subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(work), *packages],
        check=True,
    )
    types = work / "node_modules" / "@grafana" / "schema" / "dist" / "types" / "raw"
    program = work / "node_modules" / ".bin" / "ts-json-schema-generator"
    schemas = {}
    for name, (folder, type_name) in TYPES.items():
        path = types / folder / "types.gen.d.ts"
        command = [str(program), "--path", str(path), "--type", type_name, "--no-type-check"]
        done = subprocess.run(
            [*command, "--expose", "none"], cwd=work, check=True, capture_output=True, text=True
        )
        schemas[name] = without_descriptions(json.loads(done.stdout))
    return schemas


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        schemas = generate(Path(folder))
    comment = (
        f"Derived from @grafana/schema {SCHEMA_VERSION} (Copyright Grafana Labs, Apache License 2.0) by "
        f"ts-json-schema-generator {GENERATOR_VERSION} (MIT); descriptions left out. See generate.py."
    )
    document = {"$comment": comment, "version": SCHEMA_VERSION, "schemas": schemas}
    lines = json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    TARGET.write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
