"""Evaluates a database in a process of its own that kills itself at a chosen point, without any clean-up.

`python -m tests.alerts.dying_process URL WHERE NTH`, where WHERE is a function that writes, or `nowhere`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType

from alerts.evaluator import Evaluator
from records import alarms, messages
from records.database import Database
from tests.oxygen.rules.build import minutes

PLACES: dict[str, tuple[ModuleType, str]] = {
    "open_alarm": (alarms, "open_alarm"),
    "clear_alarm": (alarms, "clear_alarm"),
    "enqueue": (messages, "enqueue"),
    "put_memories": (alarms, "put_memories"),
    "put_cursor": (alarms, "put_cursor"),
}


def die_after(module: ModuleType, name: str, nth: int) -> None:
    """Let the nth call of a function do its work and then kill the process, inside its transaction."""
    real: Callable[..., Awaitable[object]] = getattr(module, name)
    calls = 0

    async def deadly(*given: object, **named: object) -> object:
        nonlocal calls
        result = await real(*given, **named)
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, deadly)


async def main(url: str, where: str, nth: int) -> None:
    if where != "nowhere":
        die_after(*PLACES[where], nth)
    database = Database(url)
    evaluator = Evaluator(database, batch_rows=7, start_grace_s=0.0, clock=lambda: minutes(1000))
    await evaluator.load()
    while not await evaluator.evaluate_rows():
        pass
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
