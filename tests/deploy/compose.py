"""docker-compose.yml as data, and its commands with the container's paths and names replaced by ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.shipped import ROOT

COMPOSE = ROOT / "docker-compose.yml"
OURS = ("prepare", "ingest", "alerts", "jobs", "api", "demo", "simulator", "gateways")
"""Services that run the image built here."""


def document() -> dict[str, Any]:
    """Return the whole file, anchors resolved."""
    loaded = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    found: dict[str, dict[str, Any]] = document()["services"]
    return found


def secret_files(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the secrets that a service is given: name in its /run/secrets to file, relative to the root."""
    files = {name: entry["file"] for name, entry in document()["secrets"].items()}
    given: dict[str, str] = {}
    for secret in service.get("secrets", []):
        source = secret if isinstance(secret, str) else secret["source"]
        target = secret if isinstance(secret, str) else secret.get("target", source)
        given[target] = files[source]
    return given


def mounts(service: Mapping[str, Any]) -> dict[str, str]:
    """Return what is mounted into a service: path in the container to file, folder or volume name."""
    return {
        target: source for source, target in (entry.split(":")[:2] for entry in service.get("volumes", []))
    }


def give_secrets(service: Mapping[str, Any], made: Path, folder: Path) -> Path:
    """Put links to the secrets of a service, below `made`, into `folder`, as /run/secrets; return it."""
    folder.mkdir(parents=True)
    for name, file in secret_files(service).items():
        (folder / name).symlink_to(made / Path(file).relative_to("deploy/secrets"))
    return folder


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Return the text with every key, which has to stand in it, replaced."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in {text[:200]!r}"
        text = text.replace(old, new)
    return text
