"""What the gateway says about itself, and its clocks."""

from __future__ import annotations

import time

import pytest

from edge_agent.clock import boot_id, kernel_says_synchronised, system_clock
from edge_agent.health import hours_left
from edge_agent.spool import Sizes


def sizes(rows: int, unstored: int, live_bytes: int) -> Sizes:
    return Sizes(rows=rows, unstored=unstored, live_bytes=live_bytes, file_bytes=0, oldest_unstored_us=None)


def test_hours_left_counts_what_is_not_stored_at_the_present_rate() -> None:
    """200 B a row, two tanks every 10 s are 720 rows an hour: 1,440,000 B take 7,200 rows, ten hours."""
    assert hours_left(sizes(1000, 0, 200_000), max_bytes=1_440_000, tanks=2, every_s=10.0) == pytest.approx(
        10
    )
    assert hours_left(sizes(1000, 720, 200_000), max_bytes=1_440_000, tanks=2, every_s=10.0) == pytest.approx(
        9
    )
    assert hours_left(sizes(9000, 9000, 1_800_000), max_bytes=1_440_000, tanks=2, every_s=10.0) == 0.0


def test_hours_left_are_unknown_before_enough_was_read() -> None:
    assert hours_left(sizes(10, 10, 40_000), max_bytes=1_440_000, tanks=2, every_s=10.0) is None


def test_the_system_clock_counts_microseconds() -> None:
    clock = system_clock(trust=True)
    assert abs(clock.now_us() - time.time() * 1e6) < 1e6
    first = clock.mono_us()
    assert 0 <= clock.mono_us() - first < 1_000_000
    assert clock.synchronised()
    assert clock.boot == boot_id()


def test_the_kernel_can_be_asked_whether_the_clock_is_right() -> None:
    """The answer depends on the machine; asking must work and change nothing."""
    assert kernel_says_synchronised() in {True, False}
    assert system_clock(trust=False).synchronised() == kernel_says_synchronised()
