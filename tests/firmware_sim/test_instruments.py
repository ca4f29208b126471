"""Transmitters, their faults, and what the module makes of the currents."""

from __future__ import annotations

import struct

import pytest

from firmware_sim.instruments import ActiveFault, AnalogModule, Fault, Transmitter, loop_current_ma
from oxygen import devices
from oxygen.errors import Rejected

LEVEL = Transmitter(at_4_ma_pa=0.0, at_20_ma_pa=80_000.0, white_noise=0.0, slow_noise=0.0)
E1240 = "moxa-iologik-e1240"


def fault(kind: Fault, value: float = 0.0) -> ActiveFault:
    return ActiveFault(kind=kind, since_s=100.0, value=value, held_pa=40_000.0, pressure_pa=9e5)


def float_of(words: dict[tuple[int, int], int], channel: int) -> float:
    high, low = words[4, 8 + 2 * channel], words[4, 9 + 2 * channel]
    return float(struct.unpack(">f", struct.pack(">HH", high, low))[0])


def image(*currents_ma: float) -> dict[tuple[int, int], int]:
    return AnalogModule(devices.load(E1240)).image(currents_ma)


@pytest.mark.parametrize(
    ("input_pa", "current_ma"),
    [(0.0, 4.0), (40_000.0, 12.0), (80_000.0, 20.0), (-500.0, 3.9), (-9_000.0, 3.8), (99_000.0, 20.5)],
)
def test_a_healthy_transmitter_is_linear_and_ends_at_the_limits_of_ne_43(
    input_pa: float, current_ma: float
) -> None:
    assert loop_current_ma(LEVEL, input_pa, 9e5, 0.0, None) == pytest.approx(current_ma)


@pytest.mark.parametrize(
    ("kind", "current_ma"), [("wire_break", 0.0), ("fail_low", 3.5), ("fail_high", 21.6)]
)
def test_an_alarm_current_does_not_depend_on_the_level(kind: Fault, current_ma: float) -> None:
    for input_pa in (0.0, 40_000.0, 80_000.0):
        assert loop_current_ma(LEVEL, input_pa, 9e5, 200.0, fault(kind)) == current_ma


def test_a_stuck_transmitter_keeps_its_current_to_the_last_digit() -> None:
    currents = {
        loop_current_ma(LEVEL, 41_000.0 - step, 9e5 + step, 100.0 + step, fault("stuck"))
        for step in range(60)
    }

    assert currents == {12.0}


def test_an_offset_shifts_by_its_share_of_the_span() -> None:
    assert loop_current_ma(LEVEL, 40_000.0, 9e5, 200.0, fault("offset", -5.0)) == pytest.approx(11.2)


def test_drift_grows_with_the_hours() -> None:
    half_an_hour = loop_current_ma(LEVEL, 40_000.0, 9e5, 100.0 + 1800.0, fault("drift", 2.0))

    assert half_an_hour == pytest.approx(12.0 + 0.16)


def test_a_blocked_top_line_lets_level_follow_the_tank_pressure() -> None:
    """A rise of 0.1 bar is an eighth of the span, 2 mA."""
    risen = loop_current_ma(LEVEL, 40_000.0, 9.1e5, 200.0, fault("follows_pressure"))
    drawn_too = loop_current_ma(LEVEL, 35_000.0, 9.1e5, 200.0, fault("follows_pressure"))

    assert risen == pytest.approx(14.0)
    assert drawn_too == pytest.approx(13.0)


def test_a_blocked_bottom_line_knows_no_draw_and_falls_with_rising_pressure() -> None:
    risen = loop_current_ma(LEVEL, 40_000.0, 9.1e5, 200.0, fault("plugged"))
    drawn_too = loop_current_ma(LEVEL, 35_000.0, 9.1e5, 200.0, fault("plugged"))

    assert risen == drawn_too == pytest.approx(10.0)


def test_a_broken_wire_reads_zero_and_the_status_has_nothing_to_say() -> None:
    words = image(0.0, 12.0)

    assert float_of(words, 0) == 0.0
    assert (words[4, 0], words[4, 60]) == (0, 0)


def test_a_transmitter_that_fails_low_keeps_its_own_current() -> None:
    words = image(3.5)

    assert float_of(words, 0) == pytest.approx(3.5, abs=20 / 65535)
    assert words[4, 60] == 0


def test_beyond_20_ma_the_module_stands_at_its_end_and_says_so() -> None:
    words = image(20.4, 21.6, 20.0)

    assert [float_of(words, channel) for channel in range(3)] == [20.0, 20.0, 20.0]
    assert [words[4, channel] for channel in range(3)] == [0xFFFF, 0xFFFF, 0xFFFF]
    assert [words[4, 60 + channel] for channel in range(3)] == [2, 2, 0]


def test_the_module_resolves_sixteen_bits() -> None:
    words = image(12.00001)

    assert words[4, 0] == 39321
    assert float_of(words, 0) == 12.0


def test_the_image_holds_all_eight_channels_and_their_mode() -> None:
    words = image(4.0, 5.0)

    assert {address for function, address in words if function == 4} == {*range(24), *range(60, 68)}
    assert [words[3, 24 + channel] for channel in range(8)] == [2] * 8
    assert float_of(words, 7) == 0.0


def test_a_profile_without_channels_is_rejected_by_name() -> None:
    import msgspec

    bare = msgspec.structs.replace(devices.load(E1240), points=())

    with pytest.raises(Rejected, match="channel0_ma"):
        AnalogModule(bare)
