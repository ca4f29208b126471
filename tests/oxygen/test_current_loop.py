"""NAMUR NE 43: what a loop current means, and scaling."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.current_loop import classify, scale
from oxygen.reading import Quality, Reason


@pytest.mark.parametrize(
    ("ma", "quality", "reason"),
    [
        (None, Quality.BAD, Reason.NO_ANSWER),
        (math.nan, Quality.BAD, Reason.NOT_A_NUMBER),
        (math.inf, Quality.BAD, Reason.NOT_A_NUMBER),
        (-math.inf, Quality.BAD, Reason.NOT_A_NUMBER),
        (-0.5, Quality.BAD, Reason.WIRE_BREAK),
        (0.0, Quality.BAD, Reason.WIRE_BREAK),
        (1.999, Quality.BAD, Reason.WIRE_BREAK),
        (2.0, Quality.BAD, Reason.FAIL_LOW),
        (3.5, Quality.BAD, Reason.FAIL_LOW),
        (3.6, Quality.BAD, Reason.FAIL_LOW),
        (3.601, Quality.UNCERTAIN, Reason.UNDER_RANGE),
        (3.799, Quality.UNCERTAIN, Reason.UNDER_RANGE),
        (3.8, Quality.GOOD, Reason.OK),
        (4.0, Quality.GOOD, Reason.OK),
        (20.0, Quality.GOOD, Reason.OK),
        (20.5, Quality.GOOD, Reason.OK),
        (20.501, Quality.UNCERTAIN, Reason.OVER_RANGE),
        (20.999, Quality.UNCERTAIN, Reason.OVER_RANGE),
        (21.0, Quality.BAD, Reason.FAIL_HIGH),
        (23.0, Quality.BAD, Reason.FAIL_HIGH),
    ],
)
def test_each_current_has_its_class(ma: float | None, quality: Quality, reason: Reason) -> None:
    assert classify(ma) == (quality, reason)


@given(st.floats(max_value=3.6, allow_nan=False))
def test_no_failed_loop_is_ever_usable(ma: float) -> None:
    quality, reason = classify(ma)

    assert quality is Quality.BAD
    assert reason is not Reason.OK


@pytest.mark.parametrize(
    ("ma", "value"),
    [(4.0, 0.0), (12.0, 400.0), (20.0, 800.0), (8.0, 200.0), (3.8, -10.0), (20.5, 825.0), (0.0, -200.0)],
)
def test_scaling_is_linear_and_goes_on_past_both_ends(ma: float, value: float) -> None:
    assert scale(ma, 0.0, 800.0) == pytest.approx(value)


def test_scaling_follows_an_elevated_or_reversed_range() -> None:
    assert scale(4.0, -50.0, 350.0) == -50.0
    assert scale(5.0, 100.0, 20.0) == pytest.approx(95.0)
