"""Applying the rules to rows and to the passing of time. No I/O: the evaluator reads, writes and waits."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

import msgspec

from alerts.watched import Watched
from oxygen.rules.alarm_state import (
    Crossing,
    RuleMemory,
    Transition,
    pass_late_time,
    step_late,
    step_live,
)
from oxygen.rules.conditions import Activity, Condition, event_time_us, low_stock, sensor_fault, stale_data
from oxygen.rules.limits import Rule
from oxygen.rules.severity import Severity
from oxygen.wire.payloads import Status
from records.status import StatusRow

Key = tuple[str, Rule]
"""Subject and rule."""
Memories = MutableMapping[Key, RuleMemory]
Statuses = MutableMapping[str, Status]

ROW_RULES = (Rule.LOW_STOCK, Rule.SENSOR_FAULT)
"""Rules that a row can move. Silence is told by time alone: a row is its opposite, or says it too early."""
TIME_RULES = (Rule.LOW_STOCK, Rule.STALE_DATA, Rule.SENSOR_FAULT)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at one rule of one subject led to.

    Attributes:
        watched: The subject.
        rule: The rule.
        at_us: The instant the look speaks of.
        transition: The live alarm's change, or None.
        crossings: What late history showed.
        figures: Present figures of a raised alarm, from a live row; None otherwise.
    """

    watched: Watched
    rule: Rule
    at_us: int
    transition: Transition | None = None
    crossings: tuple[Crossing, ...] = ()
    figures: Condition | None = None

    @property
    def matters(self) -> bool:
        """Whether there is anything to write down besides the memory."""
        return self.transition is not None or bool(self.crossings) or self.figures is not None


def look_at_row(row: StatusRow, watched: Watched, memories: Memories, statuses: Statuses) -> list[Finding]:
    """Apply the rules to a row; `memories` and `statuses` are moved on."""
    at_us = event_time_us(row.status)
    if row.late:
        return [_late(row.status, at_us, rule, watched, memories) for rule in ROW_RULES]
    statuses[row.status.subject] = row.status
    return [_live(row.status, at_us, rule, watched, memories, from_row=True) for rule in ROW_RULES]


def look_at_time(
    now_us: int, watched: Watched, memories: Memories, statuses: Statuses, rules: Iterable[Rule]
) -> list[Finding]:
    """Apply the rules to the passing of time, with no newer row; `memories` is moved on."""
    status = statuses.get(watched.subject)
    return [
        _live(status, now_us, rule, watched, memories, from_row=False)
        for rule in rules
        if status is not None or rule is Rule.STALE_DATA
    ]


def _live(
    status: Status | None, at_us: int, rule: Rule, watched: Watched, memories: Memories, *, from_row: bool
) -> Finding:
    key = (watched.subject, rule)
    memory = memories.get(key, RuleMemory())
    if rule is Rule.STALE_DATA and memory.watched_since_us is None:
        memory = msgspec.structs.replace(memory, watched_since_us=at_us)
    condition = _condition(status, at_us, rule, watched, memory, memory.live.severity)
    after, transition = step_live(memory, condition, at_us, watched.limits.of(rule))
    if after != memories.get(key):
        memories[key] = after
    told = from_row and transition is None and after.live.latched and condition.activity is Activity.ACTIVE
    return Finding(
        watched=watched,
        rule=rule,
        at_us=at_us,
        transition=transition,
        figures=condition if told else None,
    )


def _late(status: Status, at_us: int, rule: Rule, watched: Watched, memories: Memories) -> Finding:
    key, limits = (watched.subject, rule), watched.limits.of(rule)
    memory, held = pass_late_time(memories.get(key, RuleMemory()), at_us, limits)
    condition = _condition(status, at_us, rule, watched, memory, memory.late.severity)
    memory, now = step_late(memory, condition, at_us, limits)
    memories[key] = memory
    return Finding(watched=watched, rule=rule, at_us=at_us, crossings=(*held, *now))


def _condition(
    status: Status | None,
    at_us: int,
    rule: Rule,
    watched: Watched,
    memory: RuleMemory,
    severity: Severity | None,
) -> Condition:
    if status is None or rule is Rule.STALE_DATA:
        since_us = at_us if memory.watched_since_us is None else memory.watched_since_us
        return stale_data(status, at_us, limits=watched.limits, watched_since_us=since_us)
    if rule is Rule.SENSOR_FAULT:
        return sensor_fault(status, at_us, limits=watched.limits)
    return low_stock(status, at_us, lead_time_h=watched.lead_time_h, limits=watched.limits, latched=severity)
