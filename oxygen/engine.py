"""The engine of one tank: samples in, contents, draw, refills, forecast and daily figures out.

Pure, and a function of the set of samples alone: whoever folds the same samples in order of `order_key` gets
the same state and the same derived rows.
"""

from __future__ import annotations

from datetime import date

import msgspec

from oxygen import balance as balances
from oxygen import daily
from oxygen.balance import Balance
from oxygen.daily import DayFigures
from oxygen.forecast import empty_at, hours_until
from oxygen.local_time import day_bounds_us, local_day
from oxygen.reading import DIFFERENTIAL_PRESSURE, TANK_PRESSURE, Quality, Reason, Sample, Signal
from oxygen.tank import Tank
from oxygen.weighing import contents

DAYS_KEPT = 3
"""Open day and the ones before it that a re-fold of the reorder window may still touch."""

_TRUSTED = (Quality.GOOD, Quality.UNCERTAIN, Quality.MANUAL)
_NO_SIGNAL = Signal(None, Quality.BAD, Reason.NO_LEVEL)

OrderKey = tuple[int, str, int]


class Derived(msgspec.Struct, frozen=True):
    """What the engine makes of one sample.

    Attributes:
        t_us: Of the sample.
        mass_kg: Contents by this sample alone; None when the level cannot be trusted.
        quality, reason: Of the contents.
        fill_percent: Of this sample; None like mass_kg.
        level_fraction: Liquid volume over inner volume; None like mass_kg.
        pressure_pa: Absolute tank pressure, or None.
        smoothed_kg: Contents smoothed over two minutes, the last trusted ones when this sample is not.
        filling: A delivery is in progress.
        draw_kg_per_h: Of the ledger, or None.
        hours_to_empty_p10, hours_to_empty_p50, hours_to_empty_p90: From the sample's time, or None.
    """

    t_us: int
    mass_kg: float | None
    quality: Quality
    reason: Reason
    fill_percent: float | None
    level_fraction: float | None
    pressure_pa: float | None
    smoothed_kg: float | None
    filling: bool
    draw_kg_per_h: float | None
    hours_to_empty_p10: float | None
    hours_to_empty_p50: float | None
    hours_to_empty_p90: float | None


class TankState(msgspec.Struct):
    """Everything the fold remembers; a checkpoint is this, serialised.

    Attributes:
        count: Samples folded.
        last_key: Order key of the last sample, or None before the first.
        quality, reason: Of the contents of the last sample.
        pressure_pa: Last trusted tank pressure, absolute, or None.
        balance: The ledger; its `at_us` is the time of the last trusted contents.
        days: The latest local days, oldest first.
    """

    count: int = 0
    last_key: OrderKey | None = None
    quality: Quality = Quality.BAD
    reason: Reason = Reason.NEVER_READ
    pressure_pa: float | None = None
    balance: Balance = msgspec.field(default_factory=Balance)
    days: list[DayFigures] = []


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(TankState)


def dump(state: TankState) -> bytes:
    """Serialise a state for a checkpoint."""
    return _ENCODER.encode(state)


def load(data: bytes) -> TankState:
    """Read a checkpoint; raises msgspec.DecodeError when it was written by an incompatible version."""
    return _DECODER.decode(data)


def is_readable(data: bytes) -> bool:
    """Tell whether a checkpoint was written by a compatible version."""
    try:
        load(data)
    except msgspec.DecodeError:
        return False
    return True


def copy(state: TankState) -> TankState:
    """Return an independent state."""
    twin = msgspec.structs.replace(state)
    twin.balance = balances.copy(state.balance)
    twin.days = [daily.copy(day) for day in state.days]
    return twin


def order_key(sample: Sample, epoch: str) -> OrderKey:
    """Return what samples are sorted by; raises ValueError for one that was never dated."""
    if sample.t_us is None:
        raise ValueError(f"sample {epoch}/{sample.seq} has no time")
    return sample.t_us, epoch, sample.seq


def advance(state: TankState, sample: Sample, key: OrderKey, tank: Tank) -> Derived:
    """Fold one sample into the state, in place, and return what it means.

    The key must be above the state's last one; that is the caller's duty, as is dating the sample.
    """
    t_us = key[0]
    state.count += 1
    state.last_key = key
    figures = _day_of(state, t_us)
    figures.samples += 1
    pressure = _trusted_value(sample.signals.get(TANK_PRESSURE))
    if pressure is not None:
        state.pressure_pa = pressure
    level = sample.signals.get(DIFFERENTIAL_PRESSURE, _NO_SIGNAL)
    if level.value is None or level.quality not in _TRUSTED:
        state.quality = Quality.TEST if level.quality is Quality.TEST else Quality.BAD
        state.reason = level.reason
        return _derived(state, t_us, tank, pressure, None, None)
    found = contents(level.value, pressure, tank)
    state.quality, state.reason = _combined(level, found.quality, found.reason)
    if found.quality is Quality.BAD:
        return _derived(state, t_us, tank, pressure, None, None)
    filling = state.balance.filling
    refill = balances.advance(state.balance, t_us, found.mass_kg, tank.capacity_kg)
    if refill is not None and filling is not None:
        daily.add_refill(state.days, refill, filling.before_kg, state.balance.draw_kg_per_h or 0.0)
    daily.add_reading(figures, t_us, state.balance.smoothed_kg or 0.0)
    return _derived(state, t_us, tank, pressure, found.mass_kg, tank.dial_fraction(found.liquid_volume_m3))


def _trusted_value(signal: Signal | None) -> float | None:
    return signal.value if signal is not None and signal.quality in _TRUSTED else None


def _combined(level: Signal, quality: Quality, reason: Reason) -> tuple[Quality, Reason]:
    """The contents are no better than the level they come from; the physics' own doubt is named first."""
    if quality is not Quality.GOOD:
        return quality, reason
    return level.quality, level.reason


def _day_of(state: TankState, t_us: int) -> DayFigures:
    day = local_day(t_us).isoformat()
    if state.days and state.days[-1].day == day:
        return state.days[-1]
    previous = state.days[-1] if state.days else None
    start_us, _ = day_bounds_us(date.fromisoformat(day))
    state.days.append(daily.following(previous, day, start_us))
    del state.days[:-DAYS_KEPT]
    return state.days[-1]


def _derived(
    state: TankState,
    t_us: int,
    tank: Tank,
    pressure_pa: float | None,
    mass_kg: float | None,
    level_fraction: float | None,
) -> Derived:
    empty = empty_at(state.balance, tank.heel_kg, tank.capacity_kg, t_us)
    return Derived(
        t_us=t_us,
        mass_kg=mass_kg,
        quality=state.quality,
        reason=state.reason,
        fill_percent=None if mass_kg is None else tank.fill_percent(mass_kg),
        level_fraction=level_fraction,
        pressure_pa=pressure_pa,
        smoothed_kg=state.balance.smoothed_kg,
        filling=state.balance.filling is not None,
        draw_kg_per_h=state.balance.draw_kg_per_h,
        hours_to_empty_p10=hours_until(empty.p10_us if empty else None, t_us),
        hours_to_empty_p50=hours_until(empty.p50_us if empty else None, t_us),
        hours_to_empty_p90=hours_until(empty.p90_us if empty else None, t_us),
    )
