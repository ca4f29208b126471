"""Transmitters on a 4-20 mA loop, their faults, and the analog module that reads them.

A transmitter follows NAMUR NE 43: its healthy current ends at 3.8 and 20.5 mA, its alarm currents lie beyond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from firmware_sim.registers import encode
from oxygen.devices import DeviceProfile
from oxygen.errors import Rejected

Fault = Literal[
    "wire_break", "fail_low", "fail_high", "stuck", "offset", "drift", "follows_pressure", "plugged"
]

_LOWEST_MA = 3.8
_HIGHEST_MA = 20.5
_BROKEN_MA = 0.0
_FAIL_LOW_MA = 3.5
_FAIL_HIGH_MA = 21.6
_FIXED_MA = {"wire_break": _BROKEN_MA, "fail_low": _FAIL_LOW_MA, "fail_high": _FAIL_HIGH_MA}

MODULE_SPAN_MA = 20.0
FULL_COUNT = 65535
CHANNELS = 8
STATUS_OK = 0
STATUS_OVER_RANGE = 2
MODE_0_TO_20_MA = 2


class Transmitter(msgspec.Struct, frozen=True):
    """A loop-powered pressure transmitter.

    Attributes:
        at_4_ma_pa: Input at 4 mA.
        at_20_ma_pa: Input at 20 mA.
        white_noise: Standard deviation of each second's noise, share of the span.
        slow_noise: Standard deviation of the noise that remembers two hours, share of the span.
    """

    at_4_ma_pa: float
    at_20_ma_pa: float
    white_noise: float
    slow_noise: float

    @property
    def span_pa(self) -> float:
        """Input difference from 4 to 20 mA."""
        return self.at_20_ma_pa - self.at_4_ma_pa

    def healthy_ma(self, input_pa: float) -> float:
        """Return the loop current of an input, ending at the limits of NE 43."""
        current = 4.0 + 16.0 * (input_pa - self.at_4_ma_pa) / self.span_pa
        return min(max(current, _LOWEST_MA), _HIGHEST_MA)


class ActiveFault(msgspec.Struct):
    """A fault at work, with what it needs to remember.

    Attributes:
        kind: Which.
        since_s: When it began, s after the live start.
        value: Offset in per cent of span, or drift in per cent of span per hour.
        held_pa: Noisy input when it began.
        pressure_pa: Tank pressure when it began.
    """

    kind: Fault
    since_s: float
    value: float
    held_pa: float
    pressure_pa: float


def loop_current_ma(
    transmitter: Transmitter, input_pa: float, pressure_pa: float, now_s: float, fault: ActiveFault | None
) -> float:
    """Return the current in the loop.

    Args:
        transmitter: Its span.
        input_pa: What it measures, noise included.
        pressure_pa: Tank pressure; a blocked line lets it through to a level transmitter.
        now_s: Seconds after the live start.
        fault: What is wrong, or None.
    """
    if fault is None:
        return transmitter.healthy_ma(input_pa)
    fixed = _FIXED_MA.get(fault.kind)
    if fixed is not None:
        return fixed
    return transmitter.healthy_ma(_seen_pa(transmitter, input_pa, pressure_pa, now_s, fault))


def _seen_pa(
    transmitter: Transmitter, input_pa: float, pressure_pa: float, now_s: float, fault: ActiveFault
) -> float:
    if fault.kind == "stuck":
        return fault.held_pa
    if fault.kind == "offset":
        return input_pa + fault.value / 100 * transmitter.span_pa
    if fault.kind == "drift":
        return input_pa + fault.value / 100 * transmitter.span_pa * (now_s - fault.since_s) / 3600
    # A blocked top line keeps its old pressure, so the cell sees the tank's pressure rise as level; a blocked
    # bottom line keeps the old sum, so it sees the same with the other sign and nothing of the level.
    rise = pressure_pa - fault.pressure_pa
    if fault.kind == "follows_pressure":
        return input_pa + rise
    return fault.held_pa - rise


class AnalogModule:
    """The register image of an eight-channel module in 0-20 mA mode.

    The module reads no more than 20 mA: above, the value stands at its end and the status register tells.
    Below, it has nothing to say in this mode; a broken wire is an honest 0 mA.
    """

    def __init__(self, profile: DeviceProfile) -> None:
        """Look up where each channel's registers lie; Rejected when the profile lacks the channel points."""
        self._order = profile.byte_order
        self._places = [
            tuple(_place_of(profile, f"channel{channel}_{what}") for what in ("ma", "status", "count_ma"))
            for channel in range(CHANNELS)
        ]
        idle = {_place_of(profile, f"channel{channel}_mode"): MODE_0_TO_20_MA for channel in range(CHANNELS)}

        self._idle = idle | {
            address: word
            for channel in range(CHANNELS)
            for address, word in self._channel(channel, 0.0).items()
        }

    def image(self, currents_ma: Sequence[float]) -> dict[tuple[int, int], int]:
        """Return (function, address on the wire) -> word for the currents; an open channel is 0 mA."""
        words = dict(self._idle)
        for channel, current in enumerate(currents_ma):
            if current:
                words.update(self._channel(channel, current))
        return words

    def _channel(self, channel: int, current_ma: float) -> dict[tuple[int, int], int]:
        value, status, count = self._places[channel]
        counts = min(max(round(current_ma / MODULE_SPAN_MA * FULL_COUNT), 0), FULL_COUNT)
        high, low = encode(counts * MODULE_SPAN_MA / FULL_COUNT, "f32", self._order)
        function, address = value
        return {
            (function, address): high,
            (function, address + 1): low,
            status: STATUS_OVER_RANGE if current_ma > MODULE_SPAN_MA else STATUS_OK,
            count: counts,
        }


def _place_of(profile: DeviceProfile, name: str) -> tuple[int, int]:
    point = profile.point(name)
    if point is None:
        raise Rejected(f"profile {profile.name} has no point {name}", code="no_such_point", point=name)
    return point.function, profile.wire_address(point)
