"""The dashboards as built, and their parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from grafana.build import contents

Json = dict[str, Any]


@cache
def dashboards() -> dict[str, Json]:
    """Return every dashboard by its uid."""
    files = contents()
    made = [json.loads(text) for name, text in files.items() if name.startswith("dashboards/")]
    return {dashboard["uid"]: dashboard for dashboard in made}


def panels() -> Iterator[tuple[str, Json]]:
    """Yield every panel with a name for messages."""
    for uid, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            yield f"{uid}/{panel['id']}", panel


def targets() -> Iterator[tuple[str, Json]]:
    """Yield every panel's queries."""
    for name, panel in panels():
        for target in panel["targets"]:
            yield f"{name}/{target['refId']}", target


def variables() -> Iterator[tuple[str, Json]]:
    """Yield every dashboard's variables."""
    for uid, dashboard in dashboards().items():
        for variable in dashboard["templating"]["list"]:
            yield f"{uid}/${variable['name']}", variable


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
