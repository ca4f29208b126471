"""What the live stream says to one visitor, as plain data: only of what the visitor may see."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from api.language import Language
from api.live_hub import LiveHub
from api.views.overview import summary, tank_rows
from records.permission import Visible
from records.status import StatusRow


def live_statuses(
    visible: Visible, rows: Sequence[StatusRow], now_us: int, overdue_s: float, language: Language
) -> list[dict[str, Any]]:
    """Return one entry per row that is a visible tank's, in order of `id`."""
    statuses = {row.status.subject: row.status for row in rows}
    shown = {
        row.subject: row.live() for row in tank_rows(visible.registry, statuses, now_us, overdue_s, language)
    }
    return [{"id": row.id, **shown[row.status.subject]} for row in rows if row.status.subject in shown]


def live_summary(
    hub: LiveHub, visible: Visible, now_us: int, overdue_s: float, language: Language
) -> dict[str, Any]:
    """Return the server's time, and what all visible tanks together and the alarms amount to."""
    totals: dict[str, str] = {}
    if hub.registry is not None:
        rows = tank_rows(visible.registry, hub.statuses(), now_us, overdue_s, language)
        totals = summary(rows, language)
    return {
        "now_us": now_us,
        "cursor": hub.cursor,
        "alarms": hub.alarms_waiting_for(visible),
        "summary": totals,
    }


def event(kind: str, data: dict[str, Any], row_id: int | None = None) -> bytes:
    """Return one server-sent event; with `row_id` it moves the reader's Last-Event-ID."""
    number = "" if row_id is None else f"id: {row_id}\n"
    return f"event: {kind}\n{number}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
