"""The alarm's state machine: what it remembers between two looks, and what changes at a look.

Normal → pending (raise delay) → raised, worse or better inside one alarm → pending clear → normal. All it
knows is in its memory, so that a restart between any two steps changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from oxygen.rules.conditions import Activity, Condition, Params
from oxygen.rules.limits import Rule, RuleLimits
from oxygen.rules.severity import STOCK_SEVERITIES, Severity, rank
from oxygen.units import US_PER_S


class Change(StrEnum):
    """What happened to an alarm at a step."""

    RAISED = "raised"
    WORSENED = "worsened"
    IMPROVED = "improved"
    CLEARED = "cleared"


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the machine remembers of one subject and rule.

    Attributes:
        severity: Of the alarm that is raised; None when none is.
        reached_since_us: Since when the condition has held at a severity or worse, for the severities above
            the raised one: the raise delay counts from there.
        left_since_us: Since when it has been known to be milder than a severity, for the raised severity and
            those below it: the clear delay counts from there.
    """

    severity: Severity | None = None
    reached_since_us: dict[Severity, int] = {}
    left_since_us: dict[Severity, int] = {}

    @property
    def latched(self) -> bool:
        """Whether an alarm is raised."""
        return self.severity is not None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an alarm.

    Attributes:
        change: raised, worsened, improved or cleared.
        rule: The rule that it belongs to.
        severity: After the change; of a cleared alarm, the one it had.
        since_us: Since when the condition has been as it is now; the delay lies between this and `at_us`.
        at_us: The instant of the step.
        reason, params: Of the condition.
    """

    change: Change
    rule: Rule
    severity: Severity
    since_us: int
    at_us: int
    reason: str
    params: Params


def step(
    memory: Memory, condition: Condition, at_us: int, limits: RuleLimits
) -> tuple[Memory, Transition | None]:
    """Return the memory after one look, and what changed, if anything.

    An unknowable condition changes nothing that is raised. It also takes back the beginning of a clear, since
    clearing needs unbroken knowledge, while a pending raise keeps its beginning: it needs none but the last.

    Args:
        memory: After the step before; `Memory()` at first.
        condition: What the rule answers now.
        at_us: The instant it speaks of, µs. An instant before the last one only moves beginnings back.
        limits: The rule's limits; their delays count here.
    """
    if condition.activity is Activity.UNKNOWABLE:
        return Memory(memory.severity, memory.reached_since_us, {}), None
    ladder = severities(condition.rule)
    level = rank(condition.severity)
    reached = {s: min(at_us, memory.reached_since_us.get(s, at_us)) for s in ladder if rank(s) <= level}
    left = {s: min(at_us, memory.left_since_us.get(s, at_us)) for s in ladder if rank(s) > level}
    severity = _raised(memory.severity, reached, at_us, limits)
    if severity is memory.severity:
        severity = _lowered(memory.severity, left, at_us, limits)
    after = Memory(
        severity,
        {s: since for s, since in reached.items() if rank(s) > rank(severity)},
        {s: since for s, since in left.items() if rank(s) <= rank(severity)},
    )
    return after, _transition(memory.severity, severity, {**left, **reached}, condition, at_us)


def severities(rule: Rule) -> tuple[Severity, ...]:
    """Return the severities that a rule can have, from mild to grave."""
    return STOCK_SEVERITIES if rule is Rule.LOW_STOCK else (Severity.WARNING,)


def _raised(
    severity: Severity | None, reached: Mapping[Severity, int], at_us: int, limits: RuleLimits
) -> Severity | None:
    """Return the gravest severity that has held for its delay, else the one already raised."""
    due = [s for s, since in reached.items() if at_us - since >= limits.delay_s(s) * US_PER_S]
    gravest = max(due, key=rank, default=None)
    return gravest if rank(gravest) > rank(severity) else severity


def _lowered(
    severity: Severity | None, left: Mapping[Severity, int], at_us: int, limits: RuleLimits
) -> Severity | None:
    """Return the gravest severity, up to the raised one, that has not been left for the clear delay."""
    if severity is None:
        return None
    gone = {s for s, since in left.items() if at_us - since >= limits.clear_delay_s * US_PER_S}
    ladder = STOCK_SEVERITIES if severity in STOCK_SEVERITIES else (severity,)
    return max((s for s in ladder if rank(s) <= rank(severity) and s not in gone), key=rank, default=None)


def _transition(
    before: Severity | None,
    after: Severity | None,
    since_us: Mapping[Severity, int],
    condition: Condition,
    at_us: int,
) -> Transition | None:
    if after is before:
        return None
    if before is None:
        change, named = Change.RAISED, after
    elif after is None:
        change, named = Change.CLEARED, before
    else:
        change = Change.WORSENED if rank(after) > rank(before) else Change.IMPROVED
        named = after
    assert named is not None, "one of the two is a severity"
    since = since_us.get(named if change is not Change.IMPROVED else before or named, at_us)
    return Transition(
        change=change,
        rule=condition.rule,
        severity=named,
        since_us=since,
        at_us=at_us,
        reason=condition.reason,
        params=condition.params,
    )


class RuleMemory(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything remembered of one subject and rule: of what happens now, and apart from it of history.

    Attributes:
        live: Of the rows as they come.
        late: Of rows that arrived too late to alarm anybody; they are logged and touch nothing live.
        late_at_us, late_held: Instant and condition of the last late row; None before the first.
        late_since_us: By severity, when history's present crossing of it began.
        watched_since_us: When watching the subject began, or None before.
    """

    live: Memory = Memory()
    late: Memory = Memory()
    late_at_us: int | None = None
    late_held: Condition | None = None
    late_since_us: dict[Severity, int] = {}
    watched_since_us: int | None = None

    def to_body(self) -> dict[str, Any]:
        """Return it as JSON values."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return body

    @classmethod
    def from_body(cls, body: object) -> RuleMemory:
        """Return what `to_body` gave; raises msgspec.ValidationError for anything else."""
        return msgspec.convert(body, cls)


def step_live(
    memory: RuleMemory, condition: Condition, at_us: int, limits: RuleLimits
) -> tuple[RuleMemory, Transition | None]:
    """Return the memory after a look at what is, and what changed."""
    live, transition = step(memory.live, condition, at_us, limits)
    return msgspec.structs.replace(memory, live=live), transition


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A severity that history reached: from when, and until when if that is known already."""

    severity: Severity
    since_us: int
    until_us: int | None
    reason: str
    params: Params


def pass_late_time(
    memory: RuleMemory, at_us: int, limits: RuleLimits
) -> tuple[RuleMemory, tuple[Crossing, ...]]:
    """Return the memory when history has come to an instant, and the crossings found on the way.

    History brings a row only where something changed, so that what the last row said held until the next.
    It comes in runs, each in order; an instant before the last one begins a new run from nothing.
    """
    if memory.late_at_us is None or memory.late_held is None:
        return memory, ()
    if at_us < memory.late_at_us:
        fresh = RuleMemory(live=memory.live, watched_since_us=memory.watched_since_us)
        return fresh, ()
    return _step_late(memory, memory.late_held, at_us, limits)


def step_late(
    memory: RuleMemory, condition: Condition, at_us: int, limits: RuleLimits
) -> tuple[RuleMemory, tuple[Crossing, ...]]:
    """Return the memory after a late row, and the crossings found; call `pass_late_time` before it."""
    after, crossings = _step_late(memory, condition, at_us, limits)
    return msgspec.structs.replace(after, late_at_us=at_us, late_held=condition), crossings


def _step_late(
    memory: RuleMemory, condition: Condition, at_us: int, limits: RuleLimits
) -> tuple[RuleMemory, tuple[Crossing, ...]]:
    late, transition = step(memory.late, condition, at_us, limits)
    after = msgspec.structs.replace(memory, late=late)
    if transition is None:
        return after, ()
    if transition.change in (Change.RAISED, Change.WORSENED):
        begun = {**memory.late_since_us, transition.severity: transition.since_us}
        crossing = _crossing(transition.severity, transition.since_us, None, transition)
        return msgspec.structs.replace(after, late_since_us=begun), (crossing,)
    ended = {s: since for s, since in memory.late_since_us.items() if rank(s) > rank(late.severity)}
    still = {s: since for s, since in memory.late_since_us.items() if s not in ended}
    crossings = tuple(_crossing(s, since, transition.since_us, transition) for s, since in ended.items())
    return msgspec.structs.replace(after, late_since_us=still), crossings


def _crossing(severity: Severity, since_us: int, until_us: int | None, transition: Transition) -> Crossing:
    return Crossing(
        severity=severity,
        since_us=since_us,
        until_us=until_us,
        reason=transition.reason,
        params=transition.params,
    )
