"""Days of Viet Nam, which is seven hours ahead of UTC all year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.local_time import day_bounds_us, from_us, local_day, seconds_us, to_us

DAYS = st.dates(date(2000, 1, 1), date(2060, 1, 1))


def test_midnight_in_viet_nam_is_17_oclock_utc() -> None:
    start_us, end_us = day_bounds_us(date(2025, 11, 21))

    assert from_us(start_us) == datetime(2025, 11, 20, 17, tzinfo=UTC)
    assert from_us(end_us) == datetime(2025, 11, 21, 17, tzinfo=UTC)


@given(DAYS)
def test_a_day_has_24_hours_and_ends_where_the_next_begins(day: date) -> None:
    start_us, end_us = day_bounds_us(day)

    assert end_us - start_us == 24 * 3600 * 1_000_000
    assert day_bounds_us(day + timedelta(days=1))[0] == end_us
    assert local_day(start_us) == local_day(end_us - 1) == day
    assert local_day(end_us) == day + timedelta(days=1)


@given(st.integers(-(10**15), 4 * 10**15))
def test_no_microsecond_is_lost_on_the_way_to_a_datetime_and_back(t_us: int) -> None:
    assert to_us(from_us(t_us)) == t_us


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="naive datetime"):
        to_us(datetime(2025, 1, 1))  # noqa: DTZ001


def test_seconds_become_whole_microseconds() -> None:
    assert seconds_us(0.0000014) == 1
    assert seconds_us(2.5) == 2_500_000
