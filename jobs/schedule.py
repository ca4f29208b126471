"""When a job is due. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Job(NamedTuple):
    """Something that is done again and again.

    Attributes:
        name: For logs and heartbeats.
        every_us: From one run to the next, µs.
    """

    name: str
    every_us: int


def due(job: Job, last_run_us: int | None, now_us: int) -> bool:
    """Tell whether a job is due: it never ran, its time has passed, or the clock was set back meanwhile."""
    return last_run_us is None or not 0 <= now_us - last_run_us < job.every_us
