"""Points to signals: the module's verdict, the current loop's verdict, the span, and SI units. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.decoder import PointValue, Words, decode_from
from edge_agent.settings import SignalConfig, TankConfig
from oxygen.current_loop import classify, scale
from oxygen.devices import DeviceProfile, Point
from oxygen.reading import Quality, Reason, Signal

_STATUS_REASONS = {
    "burnout": Reason.WIRE_BREAK,
    "over_range": Reason.OVER_RANGE,
    "under_range": Reason.UNDER_RANGE,
}
_UNREAD = PointValue(None, Reason.NO_ANSWER)

Verdict = tuple[Quality, Reason]


def sample_signals(profile: DeviceProfile, tank: TankConfig, words: Words) -> dict[str, Signal]:
    """Return the signals of a tank from an image of its instrument's registers.

    Args:
        profile: Register map of the instrument.
        tank: The tank's signals.
        words: (function, address on the wire) -> word; registers that are absent did not answer.

    Returns:
        Every configured signal by name; one that cannot be read has no value and says why.
    """
    values = {point.name: decode_from(words, point, profile) for point in tank.points()}
    return signals_from_points(tank, values)


def signals_from_points(tank: TankConfig, values: Mapping[str, PointValue]) -> dict[str, Signal]:
    """Return the signals of a tank from its points, by point name; a point that is absent did not answer."""
    return {signal.name: _signal(signal, values) for signal in tank.signals}


def _signal(config: SignalConfig, values: Mapping[str, PointValue]) -> Signal:
    reading = values.get(config.point.name, _UNREAD)
    if reading.value is None:
        return Signal(None, Quality.BAD, reading.reason)
    status = values.get(config.status.name, _UNREAD) if config.status is not None else None
    quality, reason = _verdict(config, reading.value, status)
    if quality is Quality.BAD:
        return Signal(None, quality, reason, raw=reading.value)
    return Signal(_in_pa(config, reading.value), quality, reason, raw=reading.value)


def _verdict(config: SignalConfig, value: float, status: PointValue | None) -> Verdict:
    """Return the worst of what the current says and what the module says about it."""
    by_current = classify(value) if config.pa_per_unit is None else (Quality.GOOD, Reason.OK)
    if by_current[0] is Quality.BAD or status is None or config.status is None:
        return by_current
    if status.value is None:
        return _without_status(config.point, value)
    meaning = config.status.status_codes.get(round(status.value))
    if meaning == "ok":
        return by_current
    # A module at its upper end shows the same for a full tank and for a transmitter that fails high.
    return Quality.BAD, _STATUS_REASONS.get(meaning or "", Reason.DEVICE_STATUS)


def _without_status(point: Point, value: float) -> Verdict:
    """Judge a value whose status register did not answer: at the module's end nothing can be concluded."""
    ends = [
        end * point.scale + point.offset
        for end in (point.saturates_low, point.saturates_high)
        if end is not None
    ]
    at_an_end = any(abs(value - end) <= abs(point.scale) * 1e-6 for end in ends)
    return (Quality.BAD if at_an_end else Quality.UNCERTAIN), Reason.DEVICE_STATUS


def _in_pa(config: SignalConfig, value: float) -> float:
    if config.pa_per_unit is not None:
        return value * config.pa_per_unit + config.atmosphere_pa
    assert config.at_4_ma_pa is not None, "a current has a span"
    assert config.at_20_ma_pa is not None, "a current has a span"
    return scale(value, config.at_4_ma_pa, config.at_20_ma_pa) + config.atmosphere_pa
