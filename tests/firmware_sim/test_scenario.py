"""Scenario files: the shipped story, and what is refused in a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim import scenario_file
from oxygen.errors import BadConfiguration

GOOD = """\
seed = 3

[[gateways]]
code = "gw-a"
facility = "bv-a"
line = { target_port = 1883 }

[[gateways]]
code = "gw-b"
facility = "bv-b"

[[systems]]
code = "a-main"
demand_kg_per_h = 50.0

[[tanks]]
code = "a-1"
gateway = "gw-a"
system = "a-main"
dp_channel = 0
pressure_channel = 1
orientation = "vertical"
inner_diameter_m = 2.1
cylinder_length_m = 5.1
working_pressure_bar = 9.0
start_fill_percent = 60.0
dp_at_20_ma_mbar = 750.0

[[events]]
kind = "wire_break"
tank = "a-1"
at_s = 60
until_s = 120
"""


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "world.toml"
    path.write_text(text, encoding="utf-8")
    return scenario_file.load(path)


def test_a_good_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "world.toml"
    path.write_text(GOOD, encoding="utf-8")
    scenario = scenario_file.load(path)

    assert scenario.rate == 1.0
    assert scenario.gateways[0].module == "moxa-iologik-e1240"
    assert scenario.gateways[0].line is not None
    assert scenario.tanks[0].pressure_at_20_ma_bar == 16.0
    assert [tank.code for tank in scenario.tanks_of("gw-a")] == ["a-1"]
    assert scenario.tanks_of("gw-b") == []


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ("seed = 3", "sead = 3", "sead", "one of"),
        ("= 50.0", "= 50.0\ndemand_kg = 50.0", "systems[0].demand_kg", "one of"),
        ("inner_diameter_m = 2.1", "inner_diameter_m = -2.1", "tanks[0].inner_diameter_m", "0"),
        ('"vertical"', '"upright"', "tanks[0].orientation", "one of vertical, horizontal"),
        ('gateway = "gw-a"', 'gateway = "gw-c"', "tanks[0].gateway", "one of gw-a, gw-b"),
        ('system = "a-main"', 'system = "b-main"', "tanks[0].system", "one of a-main"),
        ("pressure_channel = 1", "pressure_channel = 0", "tanks[0].pressure_channel", "not used before"),
        ("dp_at_20_ma_mbar = 750.0", "dp_at_20_ma_mbar = 0.0", "tanks[0].dp_at_20_ma_mbar", "more than 0"),
        ("start_fill_percent = 60.0\n", "", "tanks[0].start_fill_percent", "a value"),
        (
            "start_fill_percent = 60.0",
            "start_fill_percent = 60.0\nheel_fraction = 0.96",
            "tanks[0].heel_fraction",
            "less than fill_limit_fraction",
        ),
        ('code = "gw-b"', 'code = "gw-a"', "gateways[1].code", "not used before"),
        ('kind = "wire_break"', 'kind = "wire_brake"', "events[0].kind", "wire_break"),
        ('tank = "a-1"\nat_s', 'tank = "a-2"\nat_s', "events[0].tank", "one of a-1"),
        ("until_s = 120", "until_s = 50", "events[0].until_s", "more than at_s"),
        ('kind = "wire_break"', 'kind = "run_down"', "events[0].to_fill_percent", "percentage of fill"),
        ('kind = "wire_break"', 'kind = "refill"', "events[0]", "either kg or to_fill_percent"),
        (
            'kind = "wire_break"\ntank = "a-1"',
            'kind = "network_cut"\ngateway = "gw-b"',
            "events[0].gateway",
            "one of gw-a with a line",
        ),
        (
            'kind = "wire_break"',
            'kind = "plugged"\nsignal = "pressure"',
            "events[0].signal",
            "'dp'",
        ),
    ],
)
def test_a_bad_file_is_refused_by_file_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    assert old in GOOD
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))

    error = caught.value
    assert error.key == key
    assert expected in error.expected
    assert error.line is not None
    assert f"world.toml:{error.line}: {key}: found " in str(error)


def test_a_refusal_stands_at_the_line_of_its_key(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, GOOD.replace('gateway = "gw-a"', 'gateway = "gw-c"'))

    assert caught.value.line == GOOD.splitlines().index('gateway = "gw-a"') + 1


def test_an_unknown_module_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration) as caught:
        load(tmp_path, GOOD.replace('facility = "bv-b"', 'facility = "bv-b"\nmodule = "moxa"'))

    assert caught.value.key == "gateways[1].module"


def test_the_demo_has_its_hospitals_gateways_and_tanks() -> None:
    demo = scenario_file.shipped("demo")

    assert {gateway.code: gateway.facility for gateway in demo.gateways} == {
        "gw-cho-lon": "bv-cho-lon",
        "gw-binh-thanh": "bv-binh-thanh",
        "gw-thu-duc": "bv-thu-duc",
        "gw-can-gio": "bv-can-gio",
    }
    assert [(tank.code, tank.gateway) for tank in demo.tanks] == [
        ("cho-lon-1", "gw-cho-lon"),
        ("cho-lon-2", "gw-cho-lon"),
        ("cho-lon-3", "gw-cho-lon"),
        ("binh-thanh-1", "gw-binh-thanh"),
        ("thu-duc-1", "gw-thu-duc"),
        ("can-gio-1", "gw-can-gio"),
    ]
    assert [gateway.code for gateway in demo.gateways if gateway.line] == ["gw-thu-duc"]
    assert [system.code for system in demo.systems if system.bank] == ["cho-lon-main"]
