"""The alarm's state machine: told stories, then everything that may happen in any order."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.rules.alarm_state import (
    Change,
    Memory,
    RuleMemory,
    Transition,
    pass_late_time,
    severities,
    step,
    step_late,
    step_live,
)
from oxygen.rules.conditions import Activity, Condition, event_time_us, low_stock, stale_data
from oxygen.rules.limits import Limits, Rule, StaleLimits
from oxygen.rules.severity import Severity, rank
from oxygen.units import US_PER_HOUR
from oxygen.wire.payloads import Status
from tests.oxygen.rules.build import START_US, broken, minutes, reading, silent

LIMITS = Limits()
Look = tuple[int, Status]


def readings(*fills: float, start: int = 0) -> list[Look]:
    """Return one reading a minute with these fill percents."""
    return [
        (minutes(start + number), reading(minutes(start + number), fill)) for number, fill in enumerate(fills)
    ]


def watch(looks: Iterable[Look], *, restart: bool = False) -> list[tuple[str, str, int]]:
    """Return (change, severity, minute) of the low-stock alarm over some looks.

    With `restart`, the memory is written out and read back between any two looks.
    """
    memory, told = RuleMemory(), []
    for at_us, status in looks:
        condition = low_stock(status, at_us, lead_time_h=12.0, limits=LIMITS, latched=memory.live.severity)
        memory, transition = step_live(memory, condition, at_us, LIMITS.stock)
        if restart:
            memory = RuleMemory.from_body(msgspec.json.decode(msgspec.json.encode(memory.to_body())))
        if transition is not None:
            told.append((transition.change.value, transition.severity.value, minute_of(transition)))
    return told


def minute_of(transition: Transition) -> int:
    return minute(transition.at_us)


def ticks(status: Status, start: int, end: int) -> list[Look]:
    """Return looks a minute apart with no newer row."""
    return [(minutes(number), status) for number in range(start, end)]


def test_low_stock_is_raised_after_its_delay_and_once() -> None:
    assert watch(readings(*[40.0] * 5, *[29.0] * 30)) == [("raised", "reorder", 15)]


def test_a_short_dip_raises_nothing() -> None:
    assert watch(readings(*[40.0] * 5, *[15.0] * 9, *[40.0] * 30)) == []


def test_critical_is_raised_after_its_own_short_delay() -> None:
    assert watch(readings(40.0, *[9.0] * 10)) == [("raised", "critical", 2)]


def test_an_alarm_worsens_and_improves_within_one_alarm_and_clears_once() -> None:
    story = watch(readings(*[29.0] * 15, *[19.0] * 15, *[9.0] * 5, *[25.0] * 15, *[70.0] * 20))

    assert story == [
        ("raised", "reorder", 10),
        ("worsened", "urgent", 25),
        ("worsened", "critical", 31),
        ("improved", "reorder", 45),
        ("cleared", "reorder", 60),
    ]


def test_chatter_at_the_limit_gives_one_alarm() -> None:
    chatter = [29.8 if number % 3 else 31.5 for number in range(300)]

    assert watch(readings(*[29.0] * 11, *chatter)) == [("raised", "reorder", 10)]


def test_a_broken_wire_in_low_stock_neither_clears_nor_raises() -> None:
    looks = readings(*[29.0] * 12)
    looks += [(minutes(n), broken(minutes(n), minutes(11), 29.0)) for n in range(12, 300)]
    looks += readings(*[29.0] * 30, start=300)

    assert watch(looks) == [("raised", "reorder", 10)]


def test_a_broken_wire_with_enough_in_the_tank_raises_nothing() -> None:
    looks = readings(*[60.0] * 12)
    looks += [(minutes(n), broken(minutes(n), minutes(11), 60.0)) for n in range(12, 300)]

    assert watch(looks) == []


def test_silence_neither_clears_nor_raises() -> None:
    looks = readings(*[29.0] * 12)
    looks += [(minutes(n), silent(minutes(n), minutes(11), 29.0)) for n in range(27, 300)]
    enough = readings(*[60.0] * 12) + ticks(reading(minutes(11), 60.0), 12, 300)

    assert watch(looks) == [("raised", "reorder", 10)]
    assert watch(enough) == []


def test_unknown_time_does_not_count_towards_clearing() -> None:
    """Nine good minutes before and nine after a silence are not the ten that clear."""
    looks = readings(*[29.0] * 12, *[60.0] * 9)
    looks += [(minutes(n), broken(minutes(n), minutes(20), 60.0)) for n in range(21, 60)]
    looks += readings(*[60.0] * 9, start=60) + readings(*[60.0] * 9, start=69)

    assert watch(looks) == [("raised", "reorder", 10), ("cleared", "reorder", 70)]


def test_a_wire_that_breaks_again_and_again_cannot_hold_back_a_raise() -> None:
    looks: list[Look] = []
    for start in range(0, 30, 6):
        looks += readings(*[29.0] * 3, start=start)
        looks += [
            (minutes(n), broken(minutes(n), minutes(start + 2), 29.0)) for n in range(start + 3, start + 6)
        ]

    assert watch(looks) == [("raised", "reorder", 12)]


def test_a_forecast_that_crosses_while_the_gateway_is_silent_raises() -> None:
    """27 hours of oxygen at the last reading, silence, no row: time alone makes it urgent, then critical."""
    last = reading(minutes(0), 60.0, hours_p10=40.0)
    looks = [(minutes(0), last), *ticks(last, 1, 40 * 60)]

    raised, worsened, worst = watch(looks)

    # Below 36 h (12 h delivery + 24 h) from minute 240, 24 h from 960, 8 h from 1920; then the delays.
    assert raised == ("raised", "reorder", 250)
    assert worsened == ("worsened", "urgent", 970)
    assert worst == ("worsened", "critical", 1921)


def test_a_refill_in_a_forecast_alarm_clears_it() -> None:
    last = reading(minutes(0), 60.0, hours_p10=30.0)
    looks = [(minutes(0), last), *ticks(last, 1, 120), *readings(*[95.0] * 12, start=120)]

    assert [change for change, _, _ in watch(looks)] == ["raised", "cleared"]


def test_stale_data_is_raised_without_any_row_and_cleared_by_readings() -> None:
    memory, told = Memory(), []
    looks: list[Look] = ticks(reading(minutes(0)), 0, 60) + readings(*[60.0] * 5, start=60)
    for at_us, status in looks:
        condition = stale_data(status, at_us, limits=LIMITS, watched_since_us=minutes(0))
        memory, transition = step(memory, condition, at_us, LIMITS.stale)
        if transition:
            told.append((transition.change, minute_of(transition)))

    assert told == [(Change.RAISED, 16), (Change.CLEARED, 61)]


def look_back(
    looks: Iterable[Look], memory: RuleMemory | None = None
) -> tuple[RuleMemory, list[tuple[str, int, int | None]]]:
    """Return the memory after late rows, and (severity, from minute, until minute) of what they showed."""
    kept, found = memory or RuleMemory(), []
    for at_us, status in looks:
        kept, held = pass_late_time(kept, at_us, LIMITS.stock)
        condition = low_stock(status, at_us, lead_time_h=12.0, limits=LIMITS, latched=kept.late.severity)
        kept, now = step_late(kept, condition, at_us, LIMITS.stock)
        kept = RuleMemory.from_body(msgspec.json.decode(msgspec.json.encode(kept.to_body())))
        found += [
            (
                each.severity.value,
                minute(each.since_us),
                None if each.until_us is None else minute(each.until_us),
            )
            for each in (*held, *now)
        ]
    return kept, found


def minute(t_us: int) -> int:
    return (t_us - START_US) // 60_000_000


def test_history_with_a_row_at_each_change_shows_when_a_limit_was_crossed_and_until_when() -> None:
    looks = [
        (minutes(at), reading(minutes(at), fill)) for at, fill in ((0, 60), (100, 25), (300, 60), (400, 61))
    ]

    _, found = look_back(looks)

    assert found == [("reorder", 100, None), ("reorder", 100, 300)]


def test_each_severity_that_history_reached_is_a_crossing_of_its_own() -> None:
    steps = ((0, 60), (100, 25), (200, 15), (300, 5), (400, 25), (500, 60), (600, 60))

    _, found = look_back([(minutes(at), reading(minutes(at), fill)) for at, fill in steps])

    assert found == [
        ("reorder", 100, None),
        ("urgent", 200, None),
        ("critical", 300, None),
        ("urgent", 200, 400),
        ("critical", 300, 400),
        ("reorder", 100, 500),
    ]


def test_history_never_touches_the_live_alarm() -> None:
    memory = RuleMemory(watched_since_us=minutes(-9))
    condition = low_stock(
        reading(minutes(0), 25.0), minutes(0), lead_time_h=12.0, limits=LIMITS, latched=None
    )
    memory, _ = step_live(memory, condition, minutes(0), LIMITS.stock)

    after, found = look_back(readings(*[60.0] * 5, *[5.0] * 5, *[80.0] * 20, start=-5000), memory)
    after, again = look_back(readings(*[60.0] * 5, *[5.0] * 5, *[80.0] * 20, start=-9000), after)

    assert found
    assert again
    assert (after.live, after.watched_since_us) == (memory.live, minutes(-9))


def test_an_older_run_of_history_starts_from_nothing() -> None:
    """The first run ends low; the second, older one knows nothing of it."""
    memory, newer = look_back(
        [(minutes(0), reading(minutes(0), 5.0)), (minutes(60), reading(minutes(60), 4.0))]
    )
    _, older = look_back(
        [
            (minutes(-900), reading(minutes(-900), 60.0)),
            (minutes(-800), reading(minutes(-800), 5.0)),
            (minutes(-700), reading(minutes(-700), 60.0)),
        ],
        memory,
    )

    assert newer == [("critical", 0, None)]
    assert older == [("critical", -800, None)]


looks_at_random = st.lists(
    st.tuples(
        st.integers(0, 15 * 60),
        st.sampled_from(["reading", "broken", "silent", "tick"]),
        st.sampled_from([-1.0, 9.5, 10.5, 11.9, 19.0, 21.0, 23.0, 29.0, 31.0, 33.0, 60.0]),
        st.sampled_from([3.0, 9.0, 23.0, 25.0, 30.0, 37.0, 39.0, 400.0]),
    ),
    max_size=60,
)


def unfold(story: list[tuple[int, str, float, float]]) -> list[Look]:
    """Return the looks of a random story: steps in seconds, each with what was seen."""
    at_us, last_us, looks = START_US, START_US, [(START_US, reading(START_US, 60.0))]
    for seconds, kind, fill, hours in story:
        at_us += seconds * 1_000_000
        empties_us = last_us + round(hours * US_PER_HOUR)
        if kind == "reading":
            last_us = at_us
            looks.append((at_us, reading(at_us, fill, hours_p10=hours)))
        elif kind == "broken":
            looks.append((at_us, broken(at_us, last_us, fill, empty_at_p10_us=empties_us)))
        elif kind == "silent":
            looks.append((at_us, silent(at_us, last_us, fill)))
        else:
            looks.append((at_us, looks[-1][1]))
    return looks


@given(looks_at_random)
def test_a_restart_between_any_two_looks_changes_nothing(story: list[tuple[int, str, float, float]]) -> None:
    looks = unfold(story)

    assert watch(looks, restart=True) == watch(looks)


@given(looks_at_random)
def test_alarms_are_raised_before_they_clear_and_never_twice(
    story: list[tuple[int, str, float, float]],
) -> None:
    severity: str | None = None
    for change, named, _ in watch(unfold(story)):
        if change == "raised":
            assert severity is None
        elif change == "worsened":
            assert rank(named) > rank(severity) > 0
        elif change == "improved":
            assert 0 < rank(named) < rank(severity)
        else:
            assert named == severity
        severity = None if change == "cleared" else named


@given(looks_at_random)
def test_nothing_clears_or_improves_while_contents_are_unknowable(
    story: list[tuple[int, str, float, float]],
) -> None:
    memory = Memory()
    for at_us, status in unfold(story):
        condition = low_stock(status, at_us, lead_time_h=12.0, limits=LIMITS, latched=memory.severity)
        memory, transition = step(memory, condition, at_us, LIMITS.stock)
        known = status.state == "ok" and at_us - event_time_us(status) <= 900 * 1_000_000
        if transition is not None and not known:
            assert transition.change in {Change.RAISED, Change.WORSENED}
            assert transition.reason == "predicted_depletion"


def test_a_delay_of_nothing_raises_at_once() -> None:
    condition = Condition(rule=Rule.STALE_DATA, activity=Activity.ACTIVE, severity=Severity.WARNING)

    _, transition = step(Memory(), condition, START_US, StaleLimits(raise_delay_s=0))

    assert transition is not None
    assert transition.since_us == START_US


def test_a_memory_from_elsewhere_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        RuleMemory.from_body({"live": {"severity": "dreadful"}})


def test_low_stock_has_three_severities_and_the_others_one() -> None:
    assert [severities(rule) for rule in Rule] == [
        (Severity.REORDER, Severity.URGENT, Severity.CRITICAL),
        (Severity.WARNING,),
        (Severity.WARNING,),
    ]
