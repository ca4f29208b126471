"""Volumes of vessels against slices summed from the shape's own equation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxygen.errors import Rejected
from oxygen.geometry import HEADS, Geometry, HorizontalTank, StrappingTable, VerticalTank
from tests.oxygen.sliced_vessel import SlicedVessel

SHELLS: list[VerticalTank | HorizontalTank] = [
    make(diameter, length, head)
    for make in (VerticalTank, HorizontalTank)
    for diameter, length in ((2.0, 5.7), (1.5, 0.9), (2.4, 0.0))
    for head in ("ellipsoidal", "hemispherical", "flat")
    if length or head != "flat"
] + [VerticalTank(2.0, 5.0, "ellipsoidal", 0.3), HorizontalTank(2.0, 5.0, "ellipsoidal", 0.8)]


@st.composite
def shells(draw: st.DrawFn) -> VerticalTank | HorizontalTank:
    diameter, length = draw(st.floats(0.5, 4.0)), draw(st.floats(0.2, 20.0))
    head = draw(st.sampled_from(HEADS))
    depth = draw(st.none() | st.floats(0.05, 0.5)) if head == "ellipsoidal" else None
    depth_m = None if depth is None else depth * diameter
    if draw(st.booleans()):
        return VerticalTank(diameter, length, head, depth_m)
    return HorizontalTank(diameter, length, head, depth_m)


@st.composite
def strapping_tables(draw: st.DrawFn) -> StrappingTable:
    steps = draw(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 5)), min_size=1, max_size=30))
    points = [(0.0, 0.0)]
    for level, volume in steps:
        points.append((points[-1][0] + level, points[-1][1] + volume))
    return StrappingTable("vertical", tuple(points))


def vessels() -> st.SearchStrategy[Geometry]:
    return st.one_of(shells(), strapping_tables())


@pytest.mark.parametrize("shell", SHELLS, ids=repr)
def test_volume_at_every_level_is_the_sum_of_slices(shell: VerticalTank | HorizontalTank) -> None:
    sliced = SlicedVessel(shell)

    for share in (0, 0.01, 0.07, 0.25, 0.4, 0.5, 0.6, 0.83, 0.95, 0.999, 1):
        level = share * sliced.height_m
        assert shell.volume_m3(level) == pytest.approx(sliced.volume_below(level), rel=1e-5, abs=2e-5)
    assert shell.inner_volume_m3 == pytest.approx(sliced.volume_below(sliced.height_m), rel=1e-6)
    assert shell.inner_height_m == pytest.approx(sliced.height_m)


def test_two_hemispheres_make_a_sphere_whichever_way_it_lies() -> None:
    standing, lying = (make(3.0, 0.0, "hemispherical") for make in (VerticalTank, HorizontalTank))

    assert standing.inner_volume_m3 == pytest.approx(math.pi / 6 * 27)
    for level in (0.2, 1.0, 1.5, 2.9):
        cap = math.pi * level**2 * (3 * 1.5 - level) / 3
        assert standing.volume_m3(level) == pytest.approx(cap)
        assert lying.volume_m3(level) == pytest.approx(cap)


def test_ellipsoidal_heads_are_two_to_one_unless_a_depth_is_given() -> None:
    assert VerticalTank(2.0, 5.0).inner_height_m == pytest.approx(6.0)
    assert VerticalTank(2.0, 5.0, "ellipsoidal", 0.4).inner_height_m == pytest.approx(5.8)
    assert VerticalTank(2.0, 5.0, "hemispherical").inner_height_m == pytest.approx(7.0)
    assert VerticalTank(2.0, 5.0, "flat").inner_height_m == pytest.approx(5.0)


@given(vessels(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_more_level_is_more_volume(vessel: Geometry, one: float, other: float) -> None:
    low, high = sorted((one * vessel.inner_height_m, other * vessel.inner_height_m))

    assert vessel.volume_m3(low) <= vessel.volume_m3(high) + 1e-12
    if high - low > 1e-3 * vessel.inner_height_m:
        assert vessel.volume_m3(low) < vessel.volume_m3(high)


@given(vessels(), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_level_of_volume_of_level_is_the_level(vessel: Geometry, share: float) -> None:
    level = share * vessel.inner_height_m

    assert vessel.level_m(vessel.volume_m3(level)) == pytest.approx(level, abs=2e-6)


@given(vessels(), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_volume_of_level_of_volume_is_the_volume(vessel: Geometry, share: float) -> None:
    volume = share * vessel.inner_volume_m3

    assert vessel.volume_m3(vessel.level_m(volume)) == pytest.approx(volume, rel=1e-9, abs=1e-9)


@given(vessels())
@settings(max_examples=60, deadline=None)
def test_a_vessel_is_empty_at_the_bottom_and_whole_at_the_top(vessel: Geometry) -> None:
    assert vessel.volume_m3(0.0) == 0.0
    assert vessel.volume_m3(vessel.inner_height_m) == pytest.approx(vessel.inner_volume_m3)


@pytest.mark.parametrize(
    "vessel", [SHELLS[0], SHELLS[8], StrappingTable("vertical", ((0, 0), (2, 3)))], ids=repr
)
def test_level_and_volume_outside_the_vessel_are_refused_by_name(vessel: Geometry) -> None:
    for level in (-0.01, vessel.inner_height_m + 0.01, math.nan):
        with pytest.raises(ValueError, match=r"level_m .* is outside 0 to"):
            vessel.volume_m3(level)
    for volume in (-0.01, vessel.inner_volume_m3 + 0.01, math.nan):
        with pytest.raises(ValueError, match=r"volume_m3 .* is outside 0 to"):
            vessel.level_m(volume)


@pytest.mark.parametrize("make", [VerticalTank, HorizontalTank])
@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ((0.0, 5.0), "inner_diameter_m", "0.0"),
        ((-2.0, 5.0), "inner_diameter_m", "-2.0"),
        ((2000.0, 5.0), "inner_diameter_m", "2000.0"),
        ((math.nan, 5.0), "inner_diameter_m", "nan"),
        ((2.0, -0.1), "cylinder_length_m", "-0.1"),
        ((2.0, 5700.0), "cylinder_length_m", "5700.0"),
        ((2.0, math.inf), "cylinder_length_m", "inf"),
        ((2.0, 0.0, "flat"), "cylinder_length_m", "0.0"),
        ((2.0, 5.0, "round"), "head", "round"),
        ((2.0, 5.0, "ellipsoidal", 0.0), "head_depth_m", "0.0"),
        ((2.0, 5.0, "ellipsoidal", 1.2), "head_depth_m", "1.2"),
        ((2.0, 5.0, "ellipsoidal", math.nan), "head_depth_m", "nan"),
        ((2.0, 5.0, "hemispherical", 0.5), "head_depth_m", "0.5"),
        ((2.0, 5.0, "flat", 0.5), "head_depth_m", "0.5"),
    ],
)
def test_impossible_dimensions_are_refused_by_field_and_value(
    make: Any, arguments: tuple[Any, ...], field: str, value: str
) -> None:
    with pytest.raises(Rejected, match=field) as caught:
        make(*arguments)

    assert caught.value.code == "bad_tank"
    assert caught.value.params["field"] == field
    assert caught.value.params["value"] == value
    assert caught.value.params["expected"]


@pytest.mark.parametrize(
    ("points", "field"),
    [
        ((), "strapping"),
        (((0.0, 0.0),), "strapping"),
        (((0.1, 0.0), (1.0, 2.0)), "strapping[0]"),
        (((0.0, 0.5), (1.0, 2.0)), "strapping[0]"),
        (((0.0, 0.0), (1.0, 2.0), (1.0, 3.0)), "strapping[2]"),
        (((0.0, 0.0), (1.0, 2.0), (2.0, 1.9)), "strapping[2]"),
        (((0.0, 0.0), (1.0, 2.0), (2.0, 2.0)), "strapping[2]"),
        (((0.0, 0.0), (math.nan, 2.0)), "strapping[1]"),
        (((0.0, 0.0), (1.0, math.inf)), "strapping[1]"),
    ],
)
def test_a_table_that_does_not_rise_is_refused_by_point(points: Any, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        StrappingTable("vertical", points)

    assert caught.value.params["field"] == field


def test_a_strapping_table_is_linear_between_its_points_and_exact_on_them() -> None:
    table = StrappingTable("vertical", ((0.0, 0.0), (1.0, 2.0), (3.0, 8.0)))

    assert [table.volume_m3(level) for level in (0.0, 0.5, 1.0, 2.0, 3.0)] == [0.0, 1.0, 2.0, 5.0, 8.0]
    assert [table.level_m(volume) for volume in (0.0, 1.0, 2.0, 5.0, 8.0)] == [0.0, 0.5, 1.0, 2.0, 3.0]
