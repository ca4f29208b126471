"""Conditions: what is low, silent or broken, and what cannot be known."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from oxygen.reading import Quality, Reason
from oxygen.rules.conditions import (
    PREDICTED_DEPLETION,
    Activity,
    Condition,
    event_time_us,
    low_stock,
    sensor_fault,
    stale_data,
)
from oxygen.rules.limits import Limits
from oxygen.rules.severity import Severity
from oxygen.units import US_PER_HOUR
from oxygen.wire.payloads import Status
from tests.oxygen.rules.build import START_US, broken, minutes, never_read, reading, silent

LIMITS = Limits()


def stock(status: Status, at_us: int | None = None, latched: Severity | None = None) -> Condition:
    at = event_time_us(status) if at_us is None else at_us
    return low_stock(status, at, lead_time_h=12.0, limits=LIMITS, latched=latched)


def test_low_contents_are_low_with_the_figures_that_a_text_needs() -> None:
    condition = stock(reading(START_US, 18.0, hours_p10=40.0))

    assert (condition.activity, condition.severity, condition.reason) == ("active", "urgent", "fill_low")
    assert condition.params["fill_percent"] == 18.0
    assert condition.params["mass_kg"] == 1800.0
    assert condition.params["hours_to_empty_p10"] == 40.0
    assert condition.params["limit_percent"] == 20.0
    assert condition.params["as_of_us"] == START_US


def test_enough_contents_are_not_low() -> None:
    assert stock(reading(START_US, 60.0)).activity is Activity.INACTIVE


@pytest.mark.parametrize(
    "status",
    [
        broken(minutes(5), minutes(0), 12.0),
        broken(minutes(5), minutes(0), 80.0),
        broken(minutes(5), minutes(0), None, reason=Reason.NO_ANSWER),
        silent(minutes(30), minutes(0), 12.0),
        silent(minutes(30), minutes(0), 80.0),
        never_read(minutes(5)),
        reading(minutes(5), None, hours_p10=None),
        reading(minutes(5), 12.0, quality=Quality.TEST),
        broken(minutes(5), minutes(0), 60.0, empty_at_p10_us=minutes(0) + 200 * US_PER_HOUR),
    ],
)
@pytest.mark.parametrize("latched", [None, Severity.REORDER, Severity.CRITICAL])
def test_without_a_current_reading_low_stock_is_unknowable(status: Status, latched: Severity | None) -> None:
    assert stock(status, latched=latched).activity is Activity.UNKNOWABLE


def test_a_reading_that_nothing_follows_stops_being_current() -> None:
    last = reading(minutes(0), 60.0)

    assert stock(last, minutes(15)).activity is Activity.INACTIVE
    assert stock(last, minutes(16)).activity is Activity.UNKNOWABLE


@pytest.mark.parametrize("make", [broken, silent])
def test_a_forecast_from_the_last_good_contents_raises_by_itself(make: Callable[..., Status]) -> None:
    empties_us = minutes(0) + 30 * US_PER_HOUR
    status = make(minutes(60), minutes(0), 60.0, empty_at_p10_us=empties_us)

    at_first = stock(status, minutes(60))
    later = stock(status, empties_us - 7 * US_PER_HOUR)

    assert (at_first.severity, at_first.reason) == (Severity.REORDER, PREDICTED_DEPLETION)
    assert (later.severity, later.reason) == (Severity.CRITICAL, PREDICTED_DEPLETION)
    assert later.params["hours_to_empty_p10"] == pytest.approx(7.0)


def test_a_forecast_never_makes_a_raised_alarm_milder() -> None:
    status = silent(minutes(60), minutes(0), 8.0, empty_at_p10_us=minutes(0) + 30 * US_PER_HOUR)

    assert stock(status, minutes(60), latched=Severity.CRITICAL).activity is Activity.UNKNOWABLE


def test_silence_counts_from_the_reading_not_from_the_evaluation() -> None:
    status = silent(minutes(20), minutes(0))

    condition = stale_data(status, minutes(20), limits=LIMITS, watched_since_us=minutes(-600))

    assert (condition.activity, condition.reason) == (Activity.ACTIVE, "stale")
    assert condition.params["silent_s"] == 20 * 60


def test_silence_of_a_tank_never_read_counts_from_when_it_was_first_watched() -> None:
    def at(minute: int, status: Status | None) -> Condition:
        return stale_data(status, minutes(minute), limits=LIMITS, watched_since_us=minutes(0))

    assert at(14, None).activity is Activity.UNKNOWABLE
    assert (at(16, None).activity, at(16, None).reason) == (Activity.ACTIVE, "never_read")
    assert at(16, never_read(minutes(16))).activity is Activity.ACTIVE


def test_a_fresh_reading_ends_silence() -> None:
    condition = stale_data(reading(minutes(20)), minutes(21), limits=LIMITS, watched_since_us=minutes(0))

    assert condition.activity is Activity.INACTIVE


def test_a_broken_wire_is_a_fault_and_not_silence() -> None:
    status = broken(minutes(60), minutes(0))

    assert sensor_fault(status, minutes(60), limits=LIMITS).reason == "wire_break"
    assert sensor_fault(status, minutes(60), limits=LIMITS).severity is Severity.WARNING
    silence = stale_data(status, minutes(60), limits=LIMITS, watched_since_us=minutes(0))
    assert silence.activity is Activity.INACTIVE


def test_a_silent_gateway_says_nothing_about_its_instruments() -> None:
    fault = broken(minutes(5), minutes(0))

    assert sensor_fault(silent(minutes(30), minutes(0)), minutes(30), limits=LIMITS).activity == "unknowable"
    assert sensor_fault(fault, minutes(30), limits=LIMITS).activity == "unknowable"
    assert sensor_fault(never_read(minutes(5)), minutes(5), limits=LIMITS).activity == "unknowable"


def test_a_good_reading_ends_a_fault() -> None:
    assert sensor_fault(reading(minutes(5)), minutes(5), limits=LIMITS).activity is Activity.INACTIVE


def test_a_status_speaks_of_its_reading_or_else_of_its_evaluation() -> None:
    evaluated_later = msgspec.structs.replace(reading(minutes(0)), evaluated_us=minutes(3))

    assert event_time_us(evaluated_later) == minutes(0)
    assert event_time_us(silent(minutes(30), minutes(0))) == minutes(30)
    assert event_time_us(never_read(minutes(5))) == minutes(5)
