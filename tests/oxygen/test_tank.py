"""Capacity, heel, fill percent, dial, and geometry as the registry stores it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.errors import Rejected
from oxygen.geometry import Geometry, HorizontalTank, StrappingTable, VerticalTank
from oxygen.tank import Tank, parse_geometry, unparse_geometry
from oxygen.units import litres_of_boiling_liquid, normal_cubic_metres
from oxygen.weighing import contents
from tests.oxygen.sliced_vessel import coolprop_density

UPRIGHT = VerticalTank(2.0, 5.7)
VOLUME_M3 = math.pi * (5.7 + 2 / 3)
"""π R² L and two heads of ⅔ π R² a, with R = 1 m, L = 5.7 m and a = 0.5 m."""


def tank(**changes: Any) -> Tank:
    values = {"code": "t-1", "facility": "bv-1", "geometry": UPRIGHT, "working_pressure_pa": 9e5}
    return Tank(**{**values, **changes})


def oxygen_kg(liquid_fraction: float) -> float:
    liquid, vapour = coolprop_density(9e5), coolprop_density(9e5, vapour=True)
    return VOLUME_M3 * (liquid_fraction * liquid + (1 - liquid_fraction) * vapour)


def test_capacity_is_liquid_to_the_fill_limit_and_vapour_above_it() -> None:
    assert tank().capacity_kg == pytest.approx(oxygen_kg(0.95), rel=1e-4)
    assert tank(fill_limit_fraction=0.9).capacity_kg == pytest.approx(oxygen_kg(0.9), rel=1e-4)


def test_heel_is_all_oxygen_at_the_heel_fraction() -> None:
    assert tank().heel_kg == pytest.approx(oxygen_kg(0.05), rel=1e-4)
    assert tank(heel_fraction=0.0).heel_kg == pytest.approx(oxygen_kg(0.0), rel=1e-4)


def test_fill_percent_runs_from_the_heel_to_the_capacity_and_past_both() -> None:
    subject = tank()
    heel_kg, capacity_kg = oxygen_kg(0.05), oxygen_kg(0.95)
    quarter_kg = heel_kg + (capacity_kg - heel_kg) / 4

    assert subject.fill_percent(heel_kg) == pytest.approx(0, abs=0.02)
    assert subject.fill_percent(quarter_kg) == pytest.approx(25, abs=0.02)
    assert subject.fill_percent(capacity_kg) == pytest.approx(100, abs=0.02)
    assert subject.fill_percent(0.0) < -9
    assert subject.fill_percent(1.1 * capacity_kg) > 110


def test_ten_percent_of_capacity_by_mass_is_an_empty_tank() -> None:
    subject = tank()

    assert subject.fill_percent(0.1 * subject.capacity_kg) == pytest.approx(1.5, abs=0.5)


def test_the_dial_is_liquid_over_inner_volume_and_not_clamped() -> None:
    assert tank().dial_fraction(VOLUME_M3 / 2) == pytest.approx(0.5)
    assert tank().dial_fraction(-1.0) < 0
    assert tank().dial_fraction(1.1 * VOLUME_M3) == pytest.approx(1.1)


def test_the_fill_limit_level_holds_the_fill_limit() -> None:
    assert UPRIGHT.volume_m3(tank().fill_limit_level_m) == pytest.approx(0.95 * VOLUME_M3)


def test_taps_are_at_the_lowest_and_highest_points_unless_told() -> None:
    assert tank().tap_span_m == pytest.approx(6.7)
    assert tank(bottom_tap_m=0.2, top_tap_m=6.0).tap_span_m == pytest.approx(5.8)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "T 1"}, "code"),
        ({"code": ""}, "code"),
        ({"facility": "Bệnh viện"}, "facility"),
        ({"working_pressure_pa": 9.0}, "working_pressure_pa"),
        ({"working_pressure_pa": 5e6}, "working_pressure_pa"),
        ({"working_pressure_pa": math.nan}, "working_pressure_pa"),
        ({"fill_limit_fraction": 95.0}, "fill_limit_fraction"),
        ({"fill_limit_fraction": 0.0}, "fill_limit_fraction"),
        ({"heel_fraction": 5.0}, "heel_fraction"),
        ({"heel_fraction": 0.95}, "heel_fraction"),
        ({"heel_fraction": -0.01}, "heel_fraction"),
        ({"heel_fraction": math.nan}, "heel_fraction"),
        ({"reference_leg_k": 30.0}, "reference_leg_k"),
        ({"lead_time_h": -1.0}, "lead_time_h"),
        ({"lead_time_h": math.inf}, "lead_time_h"),
        ({"bottom_tap_m": -0.1}, "bottom_tap_m"),
        ({"bottom_tap_m": 7.0}, "bottom_tap_m"),
        ({"top_tap_m": 6.8}, "top_tap_m"),
        ({"bottom_tap_m": 1.0, "top_tap_m": 1.0}, "top_tap_m"),
    ],
)
def test_impossible_tanks_are_refused_by_field_value_and_expectation(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Rejected, match=field) as caught:
        tank(**changes)

    assert caught.value.code == "bad_tank"
    assert caught.value.params["field"] == field
    assert caught.value.params["value"] == str(changes[field])
    assert caught.value.params["expected"]


SHELL = {"orientation": "vertical", "inner_diameter_m": 2.0, "cylinder_length_m": 5.7, "head": "ellipsoidal"}


@pytest.mark.parametrize(
    ("data", "geometry"),
    [
        (SHELL, UPRIGHT),
        ({**SHELL, "head_depth_m": None}, UPRIGHT),
        ({**SHELL, "head_depth_m": 0.4}, VerticalTank(2.0, 5.7, "ellipsoidal", 0.4)),
        ({**SHELL, "inner_diameter_m": 2}, UPRIGHT),
        ({**SHELL, "orientation": "horizontal", "head": "flat"}, HorizontalTank(2.0, 5.7, "flat")),
        (
            {"orientation": "horizontal", "strapping": [[0, 0], [1, 2.5], [2, 5]]},
            StrappingTable("horizontal", ((0, 0), (1, 2.5), (2, 5))),
        ),
    ],
)
def test_a_plain_mapping_becomes_its_vessel(data: dict[str, Any], geometry: Geometry) -> None:
    assert parse_geometry(data) == geometry


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ({}, "orientation", "None"),
        ({**SHELL, "orientation": "diagonal"}, "orientation", "diagonal"),
        ({**SHELL, "orientation": 1}, "orientation", "1"),
        ({**SHELL, "inner_diameter_m": "2.0"}, "inner_diameter_m", "2.0"),
        ({**SHELL, "inner_diameter_m": True}, "inner_diameter_m", "True"),
        ({**SHELL, "inner_diameter_m": 2000}, "inner_diameter_m", "2000.0"),
        ({**SHELL, "cylinder_length_m": None}, "cylinder_length_m", "None"),
        ({**SHELL, "head": "torispherical"}, "head", "torispherical"),
        ({**SHELL, "head": None}, "head", "None"),
        ({**SHELL, "head_depth_m": "deep"}, "head_depth_m", "deep"),
        ({**SHELL, "diameter": 2.0}, "diameter", "2.0"),
        ({**SHELL, "strapping": [[0, 0], [1, 1]]}, "inner_diameter_m", "2.0"),
        ({"orientation": "vertical", "strapping": 5}, "strapping", "5"),
        ({"orientation": "vertical", "strapping": [[0, 0], [1]]}, "strapping[1]", "[1]"),
        ({"orientation": "vertical", "strapping": [[0, 0], [1, "2"]]}, "strapping[1]", "2"),
        ({"orientation": "vertical", "strapping": [[0, 0], [1, 2], [0.5, 3]]}, "strapping[2]", "(0.5, 3.0)"),
    ],
)
def test_a_wrong_mapping_is_refused_by_field_and_value(data: dict[str, Any], field: str, value: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_geometry(data)

    assert caught.value.code == "bad_tank"
    assert caught.value.params["field"] == field
    assert caught.value.params["value"] == value
    assert caught.value.params["expected"]


@given(
    make=st.sampled_from((VerticalTank, HorizontalTank)),
    diameter_m=st.floats(0.5, 4.0),
    length_m=st.floats(0.1, 20.0),
    head=st.sampled_from(("ellipsoidal", "hemispherical", "flat")),
    depth=st.none() | st.floats(0.05, 0.5),
)
def test_every_vessel_survives_the_way_through_json(
    make: Any, diameter_m: float, length_m: float, head: Any, depth: float | None
) -> None:
    depth_m = depth * diameter_m if depth and head == "ellipsoidal" else None
    vessel = make(diameter_m, length_m, head, depth_m)

    assert parse_geometry(json.loads(json.dumps(unparse_geometry(vessel)))) == vessel


def test_a_strapping_table_survives_the_way_through_json() -> None:
    table = StrappingTable("horizontal", ((0.0, 0.0), (0.7, 3.1), (1.9, 9.4)))

    assert parse_geometry(json.loads(json.dumps(unparse_geometry(table)))) == table


def test_the_worked_example_of_the_physics_page_is_what_the_code_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "physics.md").read_text(encoding="utf-8")
    example = page.split("### Worked example")[1].split("\n## ")[0]
    subject = tank()
    found = contents(30_000.0, 9e5, subject)

    for figure in (
        f"{subject.capacity_kg:,.0f} kg",
        f"{subject.heel_kg:,.0f} kg",
        f"{found.level_m:.3f} m",
        f"{found.mass_kg:,.0f} kg",
        f"{subject.fill_percent(found.mass_kg):.1f} %",
        f"{100 * subject.dial_fraction(found.liquid_volume_m3):.1f} %",
        f"{litres_of_boiling_liquid(found.mass_kg):,.0f} L",
        f"{normal_cubic_metres(found.mass_kg):,.0f} Nm³",
    ):
        assert figure in example
