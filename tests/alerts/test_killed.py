"""An evaluator killed in the middle of its work loses no alarm and raises none twice."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.alerts.watched_world import Bench


async def run_dying(url: str, where: str, nth: int, repository: Path) -> int | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.alerts.dying_process", url, where, str(nth), cwd=repository
    )
    return await asyncio.wait_for(process.wait(), 30)


@pytest.mark.parametrize(
    ("where", "nth"),
    [("open_alarm", 1), ("enqueue", 2), ("clear_alarm", 1), ("put_memories", 2), ("put_cursor", 3)],
)
async def test_killed_in_the_middle_of_a_batch(
    bench: Bench, url: str, where: str, nth: int, repository: Path
) -> None:
    await bench.contact()
    await bench.fills(*[29.0] * 12, *[9.0] * 4, *[80.0] * 14, *[60.0] * 3, *[19.0] * 12, start=0)

    died = await run_dying(url, where, nth, repository)
    finished = await run_dying(url, "nowhere", 0, repository)

    assert (died, finished) == (-signal.SIGKILL, 0)
    assert await bench.story() == [
        ("low_stock", "cleared", [("raised", 10), ("worsened", 13), ("cleared", 26)]),
        ("low_stock", "open", [("raised", 43)]),
    ]
    assert [row.template for row in await bench.outbox()] == [
        "alarm_raised",
        "alarm_worsened",
        "alarm_cleared",
        "alarm_raised",
    ]
