"""Stock levels: limits, hysteresis, and what absent figures mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.rules.limits import StockLimits
from oxygen.rules.severity import rank
from oxygen.rules.stock import Band, StockReason, stock_band

LIMITS = StockLimits()
LEAD_TIME_H = 12.0
PLENTY_H = 500.0
fills = st.floats(-20, 120)
hours = st.floats(0, 500)


@pytest.mark.parametrize(
    ("fill", "hours_p10", "band"),
    [
        (85.0, PLENTY_H, Band.NORMAL),
        (30.1, PLENTY_H, Band.NORMAL),
        (30.0, PLENTY_H, Band.REORDER),
        (20.0, PLENTY_H, Band.URGENT),
        (10.0, PLENTY_H, Band.CRITICAL),
        (-3.0, PLENTY_H, Band.CRITICAL),
        (85.0, 36.0, Band.REORDER),  # 12 h delivery + 24 h
        (85.0, 36.1, Band.NORMAL),
        (85.0, 24.0, Band.URGENT),
        (85.0, 8.0, Band.CRITICAL),
        (25.0, 7.0, Band.CRITICAL),
        (9.0, None, Band.CRITICAL),
        (50.0, None, Band.NORMAL),
        (None, 20.0, Band.URGENT),
    ],
)
def test_the_worse_of_percent_and_hours_decides(
    fill: float | None, hours_p10: float | None, band: Band
) -> None:
    assert stock_band(fill, hours_p10, LEAD_TIME_H, LIMITS, "normal").band is band


@pytest.mark.parametrize("fill", [None, float("nan"), float("inf")])
def test_absent_contents_are_unknown_and_never_empty(fill: float | None) -> None:
    decision = stock_band(fill, None, LEAD_TIME_H, LIMITS, "critical")

    assert (decision.band, decision.reason) == (Band.UNKNOWN, StockReason.CONTENTS_UNKNOWN)


def test_a_level_that_held_is_left_only_beyond_its_hysteresis() -> None:
    held = stock_band(21.5, PLENTY_H, LEAD_TIME_H, LIMITS, "urgent")
    left = stock_band(22.5, PLENTY_H, LEAD_TIME_H, LIMITS, "urgent")

    assert (held.band, held.reason) == (Band.URGENT, StockReason.NOT_YET_RECOVERED)
    assert left.band is Band.REORDER


def test_hysteresis_of_hours_holds_too() -> None:
    assert stock_band(80.0, 25.9, LEAD_TIME_H, LIMITS, "urgent").band is Band.URGENT
    assert stock_band(80.0, 26.1, LEAD_TIME_H, LIMITS, "urgent").band is Band.REORDER


def test_the_reason_names_what_crossed() -> None:
    assert stock_band(15.0, PLENTY_H, LEAD_TIME_H, LIMITS, "normal").reason is StockReason.FILL_LOW
    assert stock_band(80.0, 20.0, LEAD_TIME_H, LIMITS, "normal").reason is StockReason.EMPTIES_SOON


@given(fills, hours, st.sampled_from(["normal", "reorder", "urgent", "critical", "unknown"]))
def test_less_oxygen_is_never_a_milder_level(fill: float, hours_p10: float, previous: str) -> None:
    def grade(fill: float, hours_p10: float) -> int:
        band = stock_band(fill, hours_p10, LEAD_TIME_H, LIMITS, previous).band
        return 0 if band is Band.NORMAL else rank(band)

    assert grade(fill - 1, hours_p10) >= grade(fill, hours_p10)
    assert grade(fill, hours_p10 * 0.9) >= grade(fill, hours_p10)


@given(fills, hours, st.sampled_from(["normal", "reorder", "urgent", "critical"]))
def test_deciding_again_on_the_same_figures_changes_nothing(
    fill: float, hours_p10: float, previous: str
) -> None:
    once = stock_band(fill, hours_p10, LEAD_TIME_H, LIMITS, previous).band

    assert stock_band(fill, hours_p10, LEAD_TIME_H, LIMITS, once).band is once
