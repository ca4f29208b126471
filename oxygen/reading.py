"""A reading as every room speaks of it: signals with a quality and a reason, gathered in a sample."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Quality(StrEnum):
    """How far a value may be trusted; it always travels with a `Reason`."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    TEST = "test"
    MANUAL = "manual"


_WORST_FIRST = (Quality.BAD, Quality.TEST, Quality.UNCERTAIN, Quality.MANUAL, Quality.GOOD)


def worst(*qualities: Quality) -> Quality:
    """Return the least trustworthy of some qualities; GOOD when there are none."""
    return min(qualities, key=_WORST_FIRST.index, default=Quality.GOOD)


class Reason(StrEnum):
    """Why a value has its quality; texts stand under `reasons` in the message catalogues."""

    OK = "ok"
    WIRE_BREAK = "wire_break"
    FAIL_LOW = "fail_low"
    FAIL_HIGH = "fail_high"
    UNDER_RANGE = "under_range"
    OVER_RANGE = "over_range"
    DEVICE_STATUS = "device_status"
    NO_ANSWER = "no_answer"
    EXCEPTION_ANSWER = "exception_answer"
    BAD_ANSWER = "bad_answer"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_SPAN = "out_of_span"
    NO_LEVEL = "no_level"
    PRESSURE_ASSUMED = "pressure_assumed"
    DATED_BY_SERVER = "dated_by_server"
    ORDER_ONLY = "order_only"
    IMPLAUSIBLE = "implausible"
    STALE = "stale"
    NEVER_READ = "never_read"
    IN_TEST = "in_test"


DIFFERENTIAL_PRESSURE = "dp_pa"
"""Bottom tap minus top tap, Pa."""

TANK_PRESSURE = "tank_pressure_pa"
"""Absolute pressure above the liquid, Pa."""


class Signal(msgspec.Struct, frozen=True):
    """One measured quantity at one read.

    Attributes:
        value: In the SI unit that the signal's name carries; None when nothing usable was read.
        quality: How far to trust it.
        reason: Why.
        raw: What the instrument delivered before scaling (mA, counts); None when it did not answer.
    """

    value: float | None
    quality: Quality = Quality.GOOD
    reason: Reason = Reason.OK
    raw: float | None = None


class Sample(msgspec.Struct, frozen=True):
    """One subject at one read.

    Attributes:
        subject: `tank:ID` and so on, see `oxygen.subjects`.
        seq: Position within the epoch, without holes.
        t_us: Time of the read, µs since 1970 UTC; None when the gateway's clock was not synchronised.
        boot: Identity of the gateway's boot.
        mono_us: Monotonic clock at the read, µs since that boot.
        signals: By name, the name carrying the unit.
    """

    subject: str
    seq: int
    t_us: int | None
    boot: str
    mono_us: int
    signals: dict[str, Signal]
