"""How a tank stands now: whether its figures are current, and how urgently a person should look."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oxygen.units import US_PER_S
from oxygen.wire.payloads import Status

NEVER_US = 2**53
"""Sorts after every instant."""


class Band(StrEnum):
    """Stock bands, worst first."""

    CRITICAL = "critical"
    URGENT = "urgent"
    REORDER = "reorder"
    NORMAL = "normal"
    UNKNOWN = "unknown"


class State(StrEnum):
    """States of `Status`, and `overdue`: no status has come for so long that nobody seems to work it out."""

    OK = "ok"
    FILLING = "filling"
    FAULT = "fault"
    STALE = "stale"
    NEVER_READ = "never_read"
    OVERDUE = "overdue"


_UNTRUSTED = frozenset({State.FAULT, State.STALE, State.NEVER_READ, State.OVERDUE})
_BAND_RANK = {Band.CRITICAL: 0, Band.URGENT: 1, Band.UNKNOWN: 2, Band.REORDER: 3, Band.NORMAL: 4}
_UNTRUSTED_RANK = 2
_CALM_RANK = 4


class Standing(msgspec.Struct, frozen=True):
    """The verdict on one tank at one instant.

    Attributes:
        band: Stock band; unknown when there is no status, when it says one that this program does not know,
            and instead of `normal` when the figures are not current: nobody knows that there is enough.
        state: State, `overdue` outranking what the status says of itself.
        current: False when the figures are of an earlier time than the reader would think.
        rank: 0 is the most urgent.
    """

    band: Band
    state: State
    current: bool
    rank: int

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at this tank."""
        return self.rank < _CALM_RANK


def standing(status: Status | None, now_us: int, overdue_s: float) -> Standing:
    """Judge a tank by its newest status; a tank without one has never been read."""
    if status is None:
        return Standing(Band.UNKNOWN, State.NEVER_READ, False, _UNTRUSTED_RANK)
    band = Band(status.band) if status.band in set(Band) else Band.UNKNOWN
    state = State(status.state) if status.state in set(State) else State.FAULT
    if now_us - status.evaluated_us > overdue_s * US_PER_S:
        state = State.OVERDUE
    current = state not in _UNTRUSTED
    if not current and band is Band.NORMAL:
        band = Band.UNKNOWN
    rank = _BAND_RANK[band] if current else min(_BAND_RANK[band], _UNTRUSTED_RANK)
    return Standing(band, state, current, rank)


def sort_key(verdict: Standing, status: Status | None, code: str) -> tuple[int, int, str]:
    """Return what orders tanks by urgency: rank, then the earliest probable end, then code."""
    ends_us = status.empty_at_p10_us if status is not None else None
    return verdict.rank, NEVER_US if ends_us is None else ends_us, code
