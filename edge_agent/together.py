"""Running several endless parts side by side, and ending them for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

_CANCEL_AGAIN_S = 0.5


async def together(stop: asyncio.Event, parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run the parts until `stop` is set or one of them ends, then end all.

    A task group would cancel each part once. Until Python 3.12 `asyncio.wait_for`, which the libraries use,
    forgets a cancellation that meets the very moment of its success; so it is repeated until it is heard.

    Raises:
        ExceptionGroup: What the parts failed with.
    """
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(part) for part in parts]
    watch = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([watch, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([watch, *tasks])
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
    if errors:
        raise BaseExceptionGroup("parts failed", errors)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until every one of them has ended."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)
