"""Volumes of the simulated vessel, held against textbook solids."""

from __future__ import annotations

from math import pi

import pytest

from firmware_sim.vessel import Shape, Vessel

SHAPES = {
    "vertical ellipsoidal": Shape("vertical", 2.0, 4.0, "ellipsoidal"),
    "vertical hemispherical": Shape("vertical", 2.0, 4.0, "hemispherical"),
    "vertical flat": Shape("vertical", 2.0, 4.0, "flat"),
    "horizontal ellipsoidal": Shape("horizontal", 2.0, 4.0, "ellipsoidal"),
    "horizontal hemispherical": Shape("horizontal", 2.0, 4.0, "hemispherical"),
    "horizontal flat": Shape("horizontal", 2.0, 4.0, "flat"),
}
# A cylinder of radius 1 and length 4, and both heads together as one spheroid of the given half axis.
WHOLE_M3 = {"ellipsoidal": 4 * pi + 4 / 3 * pi * 0.5, "hemispherical": 4 * pi + 4 / 3 * pi, "flat": 4 * pi}


@pytest.mark.parametrize("name", SHAPES)
def test_a_whole_vessel_is_its_cylinder_and_its_heads(name: str) -> None:
    assert Vessel(SHAPES[name]).volume_m3 == pytest.approx(WHOLE_M3[name.split()[1]], rel=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_half_the_height_is_half_the_volume(name: str) -> None:
    vessel = Vessel(SHAPES[name])

    assert vessel.volume_at_m3(vessel.height_m / 2) == pytest.approx(vessel.volume_m3 / 2, rel=1e-6)


@pytest.mark.parametrize("name", SHAPES)
def test_level_and_volume_undo_each_other(name: str) -> None:
    vessel = Vessel(SHAPES[name])
    for share in (0.001, 0.05, 0.3, 0.5, 0.77, 0.99):
        level = vessel.level_m(share * vessel.volume_m3)
        assert vessel.volume_at_m3(level) == pytest.approx(share * vessel.volume_m3, rel=1e-9)


def test_a_hemisphere_filled_to_its_brim_is_half_a_ball() -> None:
    vessel = Vessel(SHAPES["vertical hemispherical"])

    assert vessel.volume_at_m3(1.0) == pytest.approx(2 / 3 * pi, rel=1e-5)


def test_more_than_the_vessel_holds_stands_at_its_top_and_less_than_nothing_at_its_bottom() -> None:
    vessel = Vessel(SHAPES["horizontal ellipsoidal"])

    assert vessel.level_m(1e6) == vessel.height_m
    assert vessel.level_m(-1.0) == 0.0


def test_the_depth_of_a_head_may_be_given() -> None:
    given = Vessel(Shape("vertical", 2.0, 4.0, "ellipsoidal", head_depth_m=0.3))

    assert given.volume_m3 == pytest.approx(4 * pi + 4 / 3 * pi * 0.3, rel=1e-6)
