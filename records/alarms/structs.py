"""What the alarm services take and return."""

from __future__ import annotations

from typing import Any

import msgspec


class Alarm(msgspec.Struct, frozen=True):
    """An alarm as it stands.

    Attributes:
        severity: warning, reorder, urgent or critical.
        state: open or cleared; acknowledging does not clear.
        late: A crossing found in history that arrived late: listed, never paged, never open.
        params: The latest figures, as codes and values.
        version: Counts changes of severity, state and acknowledgement, not of figures.
    """

    id: int
    subject: str
    facility: str
    rule: str
    rule_version: int
    severity: str
    state: str
    acknowledged: bool
    late: bool
    raised_us: int
    acknowledged_us: int | None
    acknowledged_by: str | None
    cleared_us: int | None
    params: dict[str, Any]
    version: int


class AlarmEvent(msgspec.Struct, frozen=True):
    """One thing that happened to an alarm; kinds: `records.alarms.EVENT_KINDS`."""

    id: int
    alarm_id: int
    at_us: int
    kind: str
    actor: str
    params: dict[str, Any]


class AlarmMemory(msgspec.Struct, frozen=True):
    """The state machine's memory of one subject and rule; `body` is the machine's own."""

    subject: str
    rule: str
    body: Any
