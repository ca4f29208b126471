"""From registers to signals: what the instrument says, and how far it may be believed."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decoder import PointValue, decode, decode_from
from edge_agent.measure import sample_signals, signals_from_points
from edge_agent.settings import SignalConfig, TankConfig
from oxygen import devices
from oxygen.devices import Point
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Signal
from tests.edge_agent.agent_files import config

ATMOSPHERE_PA = 101_325.0


@pytest.fixture
def tank(tmp_path: Path) -> TankConfig:
    return config(tmp_path).tanks[0]


def registers(dp_ma: float, dp_status: int = 0, pressure_ma: float = 12.0) -> dict[tuple[int, int], int]:
    """Return the module's registers as the maker describes them: floats, high word first."""
    words = {(4, 60): dp_status, (4, 61): 0}
    for address, current in ((8, dp_ma), (10, pressure_ma)):
        high, low = struct.unpack(">HH", struct.pack(">f", current))
        words |= {(4, address): high, (4, address + 1): low}
    return words


def read(tank: TankConfig, words: dict[tuple[int, int], int]) -> dict[str, Signal]:
    return sample_signals(tank.profile, tank, words)


def test_a_healthy_pair_is_scaled_and_made_absolute_once(tank: TankConfig) -> None:
    """12 mA is the middle: 400 of 800 mbar, 8 of 16 bar gauge."""
    signals = read(tank, registers(12.0))
    assert signals[DIFFERENTIAL_PRESSURE] == Signal(40_000.0, Quality.GOOD, Reason.OK, 12.0)
    assert signals[TANK_PRESSURE].value == pytest.approx(800_000.0 + ATMOSPHERE_PA)
    assert signals[TANK_PRESSURE].raw == 12.0


@pytest.mark.parametrize(
    ("current_ma", "status", "quality", "reason"),
    [
        (0.0, 0, Quality.BAD, Reason.WIRE_BREAK),
        (0.0, 1, Quality.BAD, Reason.WIRE_BREAK),
        (1.9, 0, Quality.BAD, Reason.WIRE_BREAK),
        (3.5, 0, Quality.BAD, Reason.FAIL_LOW),
        (3.7, 0, Quality.UNCERTAIN, Reason.UNDER_RANGE),
        (3.8125, 0, Quality.GOOD, Reason.OK),
        (20.0, 0, Quality.GOOD, Reason.OK),
        (20.0, 2, Quality.BAD, Reason.OVER_RANGE),
        (21.5, 0, Quality.BAD, Reason.FAIL_HIGH),
        (12.0, 1, Quality.BAD, Reason.WIRE_BREAK),
        (12.0, 3, Quality.BAD, Reason.UNDER_RANGE),
        (12.0, 77, Quality.BAD, Reason.DEVICE_STATUS),
        (math.nan, 0, Quality.BAD, Reason.NOT_A_NUMBER),
        (math.inf, 0, Quality.BAD, Reason.NOT_A_NUMBER),
    ],
)
def test_a_current_and_the_modules_status_decide_the_quality(
    tank: TankConfig, current_ma: float, status: int, quality: Quality, reason: Reason
) -> None:
    signal = read(tank, registers(current_ma, status))[DIFFERENTIAL_PRESSURE]
    assert (signal.quality, signal.reason) == (quality, reason)
    assert (signal.value is None) == (quality is Quality.BAD)
    if math.isfinite(current_ma):
        assert signal.raw == pytest.approx(current_ma, rel=1e-6)


@given(current_ma=st.floats(-25, 3.59375, width=32), status=st.integers(0, 0xFFFF))
def test_no_failure_current_ever_becomes_a_value(current_ma: float, status: int) -> None:
    """A broken wire cannot look like an empty tank, whatever the module says about it."""
    signal = read(TANK, registers(current_ma, status))[DIFFERENTIAL_PRESSURE]
    assert (signal.value, signal.quality) == (None, Quality.BAD)


def test_registers_that_did_not_answer_are_absent_not_zero(tank: TankConfig) -> None:
    words = registers(12.0)
    del words[4, 9]
    signals = read(tank, words)
    assert signals[DIFFERENTIAL_PRESSURE] == Signal(None, Quality.BAD, Reason.NO_ANSWER, None)
    assert signals[TANK_PRESSURE].quality is Quality.GOOD


def test_without_the_status_a_value_is_uncertain_and_an_end_of_range_is_nothing(tank: TankConfig) -> None:
    for current_ma, expected in ((12.0, Quality.UNCERTAIN), (20.0, Quality.BAD)):
        words = registers(current_ma)
        del words[4, 60]
        signal = read(tank, words)[DIFFERENTIAL_PRESSURE]
        assert (signal.quality, signal.reason) == (expected, Reason.DEVICE_STATUS)


def test_a_point_that_is_a_pressure_already_needs_no_span(tank: TankConfig) -> None:
    point = msgspec.structs.replace(tank.signals[0].point, name="pv", unit="kPa", status="")
    signal = SignalConfig(name=DIFFERENTIAL_PRESSURE, point=point, pa_per_unit=1000.0)
    plain = msgspec.structs.replace(tank, signals=(signal,))
    assert signals_from_points(plain, {"pv": PointValue(33.5)}) == {
        DIFFERENTIAL_PRESSURE: Signal(33_500.0, Quality.GOOD, Reason.OK, 33.5)
    }
    assert signals_from_points(plain, {})[DIFFERENTIAL_PRESSURE].reason is Reason.NO_ANSWER


@pytest.mark.parametrize("name", devices.names())
def test_every_profile_decodes_its_golden_vectors(name: str) -> None:
    profile = devices.load(name)
    for vector in profile.golden:
        for point_name, expected in vector.expected.items():
            point = profile.point(point_name)
            assert point is not None
            found = decode_from(vector.words(), point, profile)
            assert found.value == pytest.approx(expected, rel=1e-6), vector.note


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", [0x4248, 0xF5C3]),
        ("CDAB", [0xF5C3, 0x4248]),
        ("BADC", [0x4842, 0xC3F5]),
        ("DCBA", [0xC3F5, 0x4842]),
    ],
)
def test_the_four_byte_orders(order: str, words: list[int]) -> None:
    """50.24 is 0x4248F5C3 in binary32."""
    point = made(type_="f32")
    assert decode(words, point, order).value == pytest.approx(50.24, rel=1e-7)


def test_whole_numbers_signs_and_scaling() -> None:
    assert decode([0xFFFE], made("i16", scale=0.5, offset=10.0), "ABCD").value == 9.0
    assert decode([0xFFFE], made("u16"), "ABCD").value == 65534.0
    assert decode([0x0001, 0x0002], made("u32"), "CDAB").value == 131073.0
    assert decode([0xFFFF, 0xFFFF], made("i32"), "ABCD").value == -1.0
    assert decode([1], made("bit"), "ABCD").value == 1.0
    assert decode([1, 2], made("u16"), "ABCD") == PointValue(None, Reason.BAD_ANSWER)


def made(type_: str, scale: float = 1.0, offset: float = 0.0) -> Point:
    """Return a point of a type."""
    fields = {"name": "p", "function": 1 if type_ == "bit" else 3, "address": 0, "type": type_}
    rest: dict[str, object] = {
        "unit": "",
        "saturates_low": None,
        "saturates_high": None,
        "status": "",
        "status_codes": {},
    }
    return msgspec.convert({**fields, "scale": scale, "offset": offset, **rest}, Point)


def _tank() -> TankConfig:
    profile = devices.load("moxa-iologik-e1240")
    point, status = profile.point("channel0_ma"), profile.point("channel0_status")
    assert point is not None
    signal = SignalConfig(
        name=DIFFERENTIAL_PRESSURE, point=point, status=status, at_4_ma_pa=0.0, at_20_ma_pa=80_000.0
    )
    return TankConfig(subject="tank:a-1", unit=1, profile=profile, signals=(signal,))


TANK = _tank()
