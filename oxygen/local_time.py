"""Local days of Asia/Ho_Chi_Minh, the calendar that reports and people live by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from oxygen.units import US_PER_S

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_us(t_us: int) -> datetime:
    """Return µs since 1970 as an aware UTC datetime, exactly."""
    return _EPOCH + timedelta(microseconds=t_us)


def to_us(moment: datetime) -> int:
    """Return an aware datetime as µs since 1970, exactly; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment}: give it a time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def local_day(t_us: int) -> date:
    """Return the local calendar day that an instant falls in."""
    return from_us(t_us).astimezone(VIETNAM).date()


def day_bounds_us(day: date) -> tuple[int, int]:
    """Return [start, end) of a local day in µs."""
    start = datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=VIETNAM)
    return to_us(start), to_us(end)


def seconds_us(seconds: float) -> int:
    """Return seconds as whole µs."""
    return round(seconds * US_PER_S)
