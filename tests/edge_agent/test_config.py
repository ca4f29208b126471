"""A configuration is taken whole or refused with every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import load_config
from oxygen.errors import BadConfiguration
from oxygen.toml_file import BadConfigurations
from oxygen.wire.topics import GatewayAddress
from tests.edge_agent.agent_files import CONFIGURATION, config, written


def line_of(text: str) -> int:
    """Return the line of the right configuration on which a text stands."""
    return CONFIGURATION[: CONFIGURATION.index(text)].count("\n") + 1


def refusal(path: Path) -> BadConfiguration:
    with pytest.raises(BadConfiguration) as caught:
        load_config(path)
    return caught.value


def test_a_right_file_says_what_to_read_and_where_to_send(tmp_path: Path) -> None:
    mine = config(tmp_path)
    assert mine.address == GatewayAddress("hcm", "bv-a", "gw-a")
    assert (mine.every_s, mine.batch_s) == (10.0, 10.0)
    assert mine.spool_path == tmp_path / "gw-a.spool.sqlite"
    (tank,) = mine.tanks
    dp, pressure = tank.signals
    assert (tank.subject, tank.unit, dp.name, pressure.name) == ("tank:a-1", 1, "dp_pa", "tank_pressure_pa")
    assert (dp.at_4_ma_pa, dp.at_20_ma_pa, dp.atmosphere_pa) == (0.0, 80_000.0, 0.0)
    assert pressure.at_20_ma_pa == 1_600_000.0
    assert pressure.atmosphere_pa == pytest.approx(101_325.0)
    assert [point.name for point in tank.points()] == [
        "channel0_ma",
        "channel1_ma",
        "channel0_status",
        "channel1_status",
    ]


def test_files_are_found_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    mine = config(
        tmp_path,
        ("trust_clock = true\n", 'trust_clock = true\ndata_dir = "data"\n[spool]\npath = "s/x.sqlite"\n'),
        ("port = 1883\n", 'port = 1883\nca_file = "ca.pem"\n'),
    )
    assert mine.spool_path == tmp_path / "data" / "s" / "x.sqlite"
    assert mine.broker.ca_file == str(tmp_path / "data" / "ca.pem")


@pytest.mark.parametrize(
    ("old", "new", "key", "expected"),
    [
        ('shard = "hcm"', 'shard = "HCM!"', "gateway.shard", "matching"),
        ('bus = "io"', 'bus = "iO"', "tank[0].bus", "one of io"),
        ('device = "moxa-iologik-e1240"', 'device = "moxa"', "tank[0].device", "moxa-iologik-e1240"),
        ('point = "channel0_ma"', 'point = "channel9_ma"', "tank[0].dp.point", "channel7_ma"),
        ('point = "channel0_ma"', 'point = "channel0_status"', "tank[0].dp.point", "a current or a pressure"),
        ('at_20_ma = "800 mbar"', 'at_20_ma = "800 mbars"', "tank[0].dp.at_20_ma", "mbar"),
        ('at_20_ma = "800 mbar"', "at_20_ma = 800", "tank[0].dp.at_20_ma", "with a unit"),
        ('at_20_ma = "800 mbar"', 'at_20_ma = "800"', "tank[0].dp.at_20_ma", "with a unit"),
        ('at_20_ma = "800 mbar"', 'at_20_ma = "0 Pa"', "tank[0].dp.at_20_ma", "another pressure"),
        (', at_20_ma = "800 mbar"', "", "tank[0].dp.at_20_ma", "with a unit"),
        (", gauge = true", "", "tank[0].pressure.gauge", "bool"),
        ("unit = 1", "unit = 256", "tank[0].unit", "255"),
        ('kind = "modbus-tcp"', 'kind = "modbus"', "bus[0].kind", "one of modbus-tcp"),
        ("timeout_s = 0.3", "timeout = 0.3", "bus[0].timeout", "timeout_s"),
        ("altitude_m = 0", "", "gateway.altitude_m", "value"),
        ("trust_clock = true", "trust_clock = true\n[poll]\nevery_s = 0.5", "poll.every_s", ">= 1"),
    ],
)
def test_a_mistake_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, key: str, expected: str
) -> None:
    error = refusal(written(tmp_path, (old, new)))
    assert not isinstance(error, BadConfigurations), error
    assert error.key == key
    assert expected in str(error)
    assert error.file == str(tmp_path / "gateway.toml")
    in_table = {"gateway.altitude_m": "[gateway]", "poll.every_s": "trust_clock"}.get(key, old.strip(", "))
    shift = 2 if key == "poll.every_s" else 0
    assert error.line == line_of(in_table) + shift


def test_a_second_tank_or_bus_of_the_same_name_is_refused(tmp_path: Path) -> None:
    tank = CONFIGURATION[CONFIGURATION.index("[[tank]]") :]
    bus = CONFIGURATION[CONFIGURATION.index("[[bus]]") : CONFIGURATION.index("[[tank]]")]
    path = tmp_path / "twice.toml"
    path.write_text(CONFIGURATION + tank + bus, encoding="utf-8")
    error = refusal(path)
    assert isinstance(error, BadConfigurations)
    count = CONFIGURATION.count("\n")
    assert [(problem.key, problem.line) for problem in error.problems] == [
        ("tank[1].code", count + 2),
        ("bus[1].name", count + tank.count("\n") + 2),
    ]


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ('bus = "io"', 'bus = "x"'),
        ('point = "channel0_ma"', 'point = "y"'),
        ('at_20_ma = "16 bar"', 'at_20_ma = "16 quart"'),
    )
    error = refusal(path)
    assert isinstance(error, BadConfigurations)
    assert [problem.key for problem in error.problems] == [
        "tank[0].bus",
        "tank[0].dp.point",
        "tank[0].pressure.at_20_ma",
    ]
    assert str(error).count("gateway.toml:") == 3


def test_a_gateway_without_tanks_is_refused(tmp_path: Path) -> None:
    head = CONFIGURATION[: CONFIGURATION.index("[[tank]]")]
    assert refusal(written(tmp_path, text="tank = []\n" + head)).key == "tank"
