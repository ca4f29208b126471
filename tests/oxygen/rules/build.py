"""Statuses for the tests of the rules, in hours and percent instead of micro-seconds."""

from __future__ import annotations

from oxygen.reading import Quality, Reason
from oxygen.units import US_PER_HOUR, US_PER_S
from oxygen.wire.payloads import Status

START_US = 1_790_000_000 * US_PER_S
MINUTE_US = 60 * US_PER_S


def minutes(count: float) -> int:
    """Return the instant `count` minutes after the start."""
    return START_US + round(count * MINUTE_US)


def reading(
    at_us: int,
    fill: float | None = 60.0,
    *,
    hours_p10: float | None = 300.0,
    subject: str = "tank:binh-thanh-1",
    quality: Quality = Quality.GOOD,
) -> Status:
    """Return the status that a good reading brings."""
    return Status(
        v=1,
        subject=subject,
        facility="bv-binh-thanh",
        as_of_us=at_us,
        evaluated_us=at_us,
        source="live",
        quality=quality,
        reason=Reason.OK,
        state="ok",
        band="normal",
        mass_kg=None if fill is None else fill * 100,
        aged_mass_kg=None if fill is None else fill * 100,
        fill_percent=fill,
        draw_kg_per_h=25.0,
        empty_at_p10_us=None if hours_p10 is None else at_us + round(hours_p10 * US_PER_HOUR),
        empty_at_p50_us=None if hours_p10 is None else at_us + round(hours_p10 * 1.2 * US_PER_HOUR),
        empty_at_p90_us=None if hours_p10 is None else at_us + round(hours_p10 * 1.5 * US_PER_HOUR),
    )


def broken(
    at_us: int,
    last_us: int,
    fill: float | None = 60.0,
    *,
    empty_at_p10_us: int | None = None,
    reason: Reason = Reason.WIRE_BREAK,
) -> Status:
    """Return the status of a tank whose level wire broke after `last_us`; contents are the last good ones."""
    return Status(
        v=1,
        subject="tank:binh-thanh-1",
        facility="bv-binh-thanh",
        as_of_us=last_us,
        evaluated_us=at_us,
        source="aged",
        quality=Quality.BAD,
        reason=reason,
        state="fault",
        band="unknown",
        mass_kg=None if fill is None else fill * 100,
        fill_percent=fill,
        empty_at_p10_us=empty_at_p10_us,
    )


def silent(
    at_us: int, last_us: int, fill: float | None = 60.0, *, empty_at_p10_us: int | None = None
) -> Status:
    """Return the status of a tank whose gateway is silent since `last_us`."""
    return Status(
        v=1,
        subject="tank:binh-thanh-1",
        facility="bv-binh-thanh",
        as_of_us=last_us,
        evaluated_us=at_us,
        source="aged",
        quality=Quality.UNCERTAIN,
        reason=Reason.STALE,
        state="stale",
        band="unknown",
        mass_kg=None if fill is None else fill * 100,
        fill_percent=fill,
        empty_at_p10_us=empty_at_p10_us,
    )


def never_read(at_us: int) -> Status:
    """Return the status of a tank that has not been read yet."""
    return Status(
        v=1,
        subject="tank:binh-thanh-1",
        facility="bv-binh-thanh",
        as_of_us=None,
        evaluated_us=at_us,
        source="aged",
        quality=Quality.BAD,
        reason=Reason.NEVER_READ,
        state="never_read",
        band="unknown",
    )
