"""The derived state of a tank at a moment, and whether it is worth a row. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ingest.registry_view import TankEntry
from oxygen.engine import TankState
from oxygen.forecast import empty_at, expected_mass_kg, hours_until
from oxygen.reading import Quality, Reason
from oxygen.rules.stock import Band, stock_band
from oxygen.units import US_PER_S
from oxygen.wire.payloads import VERSION, Status

AGED_AFTER_US = 150 * US_PER_S


class Source(StrEnum):
    """Where a status comes from."""

    LIVE = "live"
    AGED = "aged"
    BACKFILL = "backfill"


class State(StrEnum):
    """What a tank is doing, in a word."""

    OK = "ok"
    FILLING = "filling"
    FAULT = "fault"
    STALE = "stale"
    NEVER_READ = "never_read"


class Moment(NamedTuple):
    """When and on what ground a status is worked out.

    Attributes:
        now_us: The time it speaks of: the server's, or the sample's in history.
        source: Its ground.
        previous_band: The band before, for hysteresis.
    """

    now_us: int
    source: Source
    previous_band: str


def status_of(state: TankState, entry: TankEntry, moment: Moment) -> Status:
    """Return a tank's status. A silent or broken sensor leaves the last good contents, with their age."""
    tank, now_us = entry.tank, moment.now_us
    known = state.balance.smoothed_kg is not None
    empty = empty_at(state.balance, tank.heel_kg, tank.capacity_kg, now_us)
    fill_percent = None if state.balance.smoothed_kg is None else tank.fill_percent(state.balance.smoothed_kg)
    p10_h = hours_until(empty.p10_us, now_us) if empty else None
    band = stock_band(fill_percent, p10_h, tank.lead_time_h, entry.limits.stock, moment.previous_band).band
    what = _state(state, entry.limits.stale.after_s, now_us)
    silent = what in (State.STALE, State.NEVER_READ)
    return Status(
        v=VERSION,
        subject=entry.subject,
        facility=entry.facility,
        as_of_us=state.balance.at_us if known else None,
        evaluated_us=now_us,
        source=moment.source.value,
        quality=Quality.BAD if silent else state.quality,
        reason=_silence(what) if silent else state.reason,
        state=what.value,
        band=band.value,
        mass_kg=state.balance.smoothed_kg,
        aged_mass_kg=expected_mass_kg(state.balance, now_us),
        fill_percent=fill_percent,
        draw_kg_per_h=state.balance.draw_kg_per_h,
        pressure_pa=state.pressure_pa,
        empty_at_p10_us=empty.p10_us if empty else None,
        empty_at_p50_us=empty.p50_us if empty else None,
        empty_at_p90_us=empty.p90_us if empty else None,
    )


def _silence(state: State) -> Reason:
    return Reason.NEVER_READ if state is State.NEVER_READ else Reason.STALE


def _state(state: TankState, stale_after_s: float, now_us: int) -> State:
    if state.last_key is None:
        return State.NEVER_READ
    if now_us - state.last_key[0] > stale_after_s * US_PER_S:
        return State.STALE
    if state.quality is Quality.BAD:
        return State.FAULT
    return State.FILLING if state.balance.filling is not None else State.OK


def live_or_aged(state: TankState, now_us: int) -> Source:
    """Tell whether readings still come (the slowest gateway reads once a minute) or the state only ages."""
    fresh = state.last_key is not None and now_us - state.last_key[0] <= AGED_AFTER_US
    return Source.LIVE if fresh else Source.AGED


def differs(status: Status, previous: Status | None) -> bool:
    """Tell whether a reader would want to know at once: band, quality, reason, state or source changed."""
    if previous is None:
        return True
    return _face(status) != _face(previous)


def condensed(statuses: Sequence[Status]) -> list[Status]:
    """Return the rows that tell something new, and each subject's last; repetitions are left out."""
    previous: dict[str, Status] = {}
    last = {status.subject: index for index, status in enumerate(statuses)}
    kept = []
    for index, status in enumerate(statuses):
        if last[status.subject] == index or differs(status, previous.get(status.subject)):
            kept.append(status)
        previous[status.subject] = status
    return kept


def _face(status: Status) -> tuple[str, ...]:
    return (status.band, status.quality, status.reason, status.state, status.source)


UNKNOWN_BAND = Band.UNKNOWN.value
