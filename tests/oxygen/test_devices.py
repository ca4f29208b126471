"""Register maps: every shipped profile, and what is refused in a bad one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from oxygen import devices
from oxygen.errors import BadConfiguration

GOOD = """\
name = "probe"
vendor = "Nobody"
model = "P 1"
protocol = "modbus"
provenance = "bench"
source = "a bench"
byte_order = "CDAB"
address_base = 1

[[points]]
name = "level_ma"
function = 3
address = 1
type = "f32"
unit = "mA"
status = "level_status"

[[points]]
name = "level_status"
function = 3
address = 3
type = "u16"
status_codes = { "0" = "ok", "1" = "burnout" }

[[golden]]
note = "12 mA, low word first, at the maker's register 1"
registers = { "3:0" = [0x0000, 0x4140, 0] }
expected = { level_ma = 12.0, level_status = 0 }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "probe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path: Path, old: str, new: str) -> BadConfiguration:
    assert old in GOOD
    with pytest.raises(BadConfiguration) as caught:
        devices.load_file(written(tmp_path, GOOD.replace(old, new, 1)))
    return caught.value


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(GOOD.splitlines(), start=1) if text in line)


@pytest.mark.parametrize("name", devices.names())
def test_every_shipped_profile_loads_and_brings_examples(name: str) -> None:
    profile = devices.load(name)

    assert profile.name == name
    assert profile.golden
    assert profile.source


def test_the_e1240_has_eight_channels_of_current_with_a_verdict_each() -> None:
    profile = devices.load("moxa-iologik-e1240")
    currents = [profile.point(f"channel{channel}_ma") for channel in range(8)]

    for channel, point in enumerate(currents):
        assert point is not None
        assert (point.function, profile.wire_address(point), point.type) == (4, 8 + 2 * channel, "f32")
        status = profile.point(point.status)
        assert status is not None
        assert (status.function, status.address) == (4, 60 + channel)
        assert status.status_codes == {0: "ok", 1: "burnout", 2: "over_range", 3: "under_range"}


def test_the_e1240s_counts_end_at_20_ma() -> None:
    point = devices.load("moxa-iologik-e1240").point("channel3_count_ma")

    assert point is not None
    assert point.saturates_high == 65535
    assert 65535 * point.scale + point.offset == pytest.approx(20.0)


def test_the_floats_of_golden_vectors_read_as_ieee_754() -> None:
    """The E1240 sends the high word first, so its words are a big-endian binary32."""
    profile = devices.load("moxa-iologik-e1240")
    checked = 0
    for vector in profile.golden:
        words = vector.words()
        for name, expected in vector.expected.items():
            point = profile.point(name)
            assert point is not None
            if point.type == "f32":
                pair = struct.pack(">HH", words[4, point.address], words[4, point.address + 1])
                assert struct.unpack(">f", pair)[0] == pytest.approx(expected, rel=1e-7)
                checked += 1

    assert checked >= 6


def test_addresses_of_a_maker_who_counts_from_one_are_one_less_on_the_wire(tmp_path: Path) -> None:
    profile = devices.load_file(written(tmp_path, GOOD))
    point = profile.point("level_ma")

    assert point is not None
    assert (point.address, profile.wire_address(point), point.register_count) == (1, 0, 2)
    assert profile.golden[0].words() == {(3, 0): 0x0000, (3, 1): 0x4140, (3, 2): 0}


def test_an_unknown_point_is_none() -> None:
    assert devices.load("moxa-iologik-e1240").point("channel8_ma") is None


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadConfiguration, match=r"expected one of .*moxa-iologik-e1240"):
        devices.load("moxa-iologik-e9999")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('byte_order = "CDAB"\n', "", "byte_order"),
        ("address_base = 1\n", "", "address_base"),
        ('byte_order = "CDAB"', 'byte_order = "ABDC"', "byte_order"),
        ("function = 3\naddress = 1", "function = 6\naddress = 1", "points[0].function"),
        ("address = 1\n", "address = 0\n", "points[0].address"),
        ("address = 1\n", "address = 65536\n", "points[0].address"),
        ('type = "f32"', 'type = "f64"', "points[0].type"),
        ('type = "f32"', 'type = "bit"', "points[0].type"),
        ('unit = "mA"', "scale = 0", "points[0].scale"),
        ('status = "level_status"', 'status = "level_state"', "points[0].status"),
        ('status = "level_status"', 'status = "level_ma"', "points[0].status"),
        ('name = "level_status"', 'name = "level_ma"', "points[1].name"),
        ('"0" = "ok"', '"zero" = "ok"', "points[1].status_codes"),
        ('"0" = "ok"', '"0" = "fine"', "points[1].status_codes.0"),
        ('unit = "mA"', 'units = "mA"', "points[0].units"),
        ('"3:0"', '"3-0"', "golden[0].registers"),
        ("0x4140, 0]", "0x4140, 65536]", "golden[0].registers"),
        ("0x4140, 0]", "0x4140]", "golden[0].registers"),
        ("level_ma = 12.0", "level = 12.0", "golden[0].expected.level"),
        ('name = "probe"', 'name = "other"', "name"),
    ],
)
def test_a_bad_profile_is_refused_by_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    error = refusal(tmp_path, old, new)

    assert error.key == key
    assert str(tmp_path / "probe.toml") in str(error)
    assert error.expected


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, 'status = "level_status"', 'status = "level_state"')

    assert error.line == line_of('status = "level_status"')
