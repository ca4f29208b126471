"""When jobs are due."""

from __future__ import annotations

import pytest

from jobs.schedule import Job, due

HOURLY = Job("prune", 3_600_000_000)


@pytest.mark.parametrize(
    ("last_run_us", "now_us", "expected"),
    [
        (None, 0, True),
        (1000, 1000, False),
        (1000, 3_600_000_999, False),
        (1000, 3_600_001_000, True),
        (5000, 1000, True),
    ],
)
def test_a_job_is_due_at_first_then_after_its_time_and_when_the_clock_was_set_back(
    last_run_us: int | None, now_us: int, *, expected: bool
) -> None:
    assert due(HOURLY, last_run_us, now_us) is expected
