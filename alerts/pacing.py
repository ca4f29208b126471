"""Waiting, in ways that a test can hurry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], int]
"""Returns the server's time, µs since 1970 UTC."""


async def sleep_or_wake(sleep: Sleep, seconds: float, wake: asyncio.Event) -> None:
    """Return when the time has passed or the event is set, whichever comes first; the event is cleared."""
    tasks = [asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(wake.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
    wake.clear()


async def until_stopped(loops: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run endless loops until `stop` is set; the first that fails takes the others down and is raised."""
    running = [asyncio.ensure_future(loop) for loop in loops]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*running, stopping):
            task.cancel()
        await asyncio.gather(*running, stopping, return_exceptions=True)
    for task in done - {stopping}:
        task.result()
