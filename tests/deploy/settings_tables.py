"""The tables of settings in docs/operations.md, made from the settings' own classes and docstrings.

`python -m tests.deploy.settings_tables` writes them anew.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from alerts.settings import AlertsSettings, OutboxSettings
from api.settings import ApiSettings
from broker_link.settings import BrokerSettings
from channels.smtp import SmtpSettings
from channels.webhook import WebhookSettings
from ingest.settings import IngestSettings
from jobs.settings import JobsSettings
from records.database import RecordsSettings
from telemetry.settings import EmbeddedSettings, InfluxSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BEGIN = "<!-- begin: settings; written by python -m tests.deploy.settings_tables -->"
END = "<!-- end: settings -->"
TABLES: tuple[tuple[str, type[Any]], ...] = (
    ("[records]", RecordsSettings),
    ('[telemetry] with kind = "embedded"', EmbeddedSettings),
    ('[telemetry] with kind = "influx"', InfluxSettings),
    ("[broker]", BrokerSettings),
    ("[ingest]", IngestSettings),
    ("[alerts]", AlertsSettings),
    ("[alerts.smtp]", SmtpSettings),
    ("[alerts.webhook]", WebhookSettings),
    ("[alerts.outbox]", OutboxSettings),
    ("[jobs]", JobsSettings),
    ("[api]", ApiSettings),
)
NESTED = {"smtp", "webhook", "outbox"}
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*)$")


def meanings(settings: type[Any]) -> dict[str, str]:
    """Return what the docstring's section `Attributes:` says of each key; keys may share a text."""
    section = (inspect.getdoc(settings) or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2]))
        elif line.strip():
            for name in names:
                found[name] += " " + line.strip()
    return found


def defaults(settings: type[Any]) -> dict[str, str]:
    """Return every key with its default as TOML shows it; "required" without one, "–" for none."""
    if issubclass(settings, BaseModel):
        given = {
            name: "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
            for name, field in settings.model_fields.items()
        }
        return {name: value for name, value in given.items() if name not in NESTED | {"kind"}}
    assert issubclass(settings, msgspec.Struct)
    return {
        field.name: "required" if field.required else _shown(field.default)
        for field in msgspec.structs.fields(settings)
    }


def _shown(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def written() -> str:
    """Return the whole part of the page."""
    parts = [BEGIN]
    for name, settings in TABLES:
        told = meanings(settings)
        parts += ["", f"#### `{name}`", "", "| key | default | meaning |", "| --- | --- | --- |"]
        for key, default in defaults(settings).items():
            parts.append(f"| `{key}` | {default} | {told.get(key, '').replace('|', '/')} |")
    return "\n".join([*parts, "", END])


def main() -> None:
    """Write the page's part."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(before + written() + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
