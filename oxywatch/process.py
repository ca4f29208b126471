"""What every program does alike: log, stop on a signal, say clearly why it cannot start."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import structlog

from oxygen.errors import BadConfiguration, OxyWatchError, Permanent
from oxygen.messages import text

EXIT_BAD_CONFIGURATION = 2
EXIT_CANNOT_RUN = 3
PARENT_VARIABLE = "OXYWATCH_PARENT_PID"
ALIVE_VARIABLE = "OXYWATCH_ALIVE_FILE"
"""Names a file that a program touches as long as its event loop turns; health checks look at its age."""
ALIVE_EVERY_S = 5.0
_PR_SET_PDEATHSIG = 1


def now_us() -> int:
    """Return the machine's clock, µs since 1970 UTC; the one place where the centre asks for the time."""
    return time.time_ns() // 1000


def run_program(name: str, main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run a program until it ends or a signal asks it to; exits the interpreter with a telling code.

    0 ended in good order, 2 its configuration is wrong, 3 it cannot work as things are (said in one line),
    1 a fault of its own (with the traceback in the log).
    """
    configure_logging(name)
    _die_with_parent()
    try:
        asyncio.run(_until_signalled(main))
    except* BadConfiguration as group:
        _say(group.exceptions)
        sys.exit(EXIT_BAD_CONFIGURATION)
    except* Permanent as group:
        _say(group.exceptions)
        sys.exit(EXIT_CANNOT_RUN)


def _say(errors: tuple[BaseException, ...]) -> None:
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            _say(error.exceptions)
        else:
            sys.stderr.write(said_in_both(error) + "\n")


def said_in_both(error: BaseException) -> str:
    """Return an error in English and, when its code has a text, in Vietnamese below."""
    if not isinstance(error, OxyWatchError):
        return str(error)
    key = f"errors.{error.code}"
    english, vietnamese = (text(key, locale, **error.params) for locale in ("en", "vi"))
    known = english != key and not isinstance(error, BadConfiguration)
    return f"{english if known else error}\n{vietnamese}" if vietnamese != key else str(error)


async def _until_signalled(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with _showing_life(os.environ.get(ALIVE_VARIABLE, "")):
        await main(stop)


@contextlib.asynccontextmanager
async def _showing_life(file: str) -> AsyncIterator[None]:
    if not file:
        yield
        return
    touching = asyncio.create_task(_touch(Path(file)), name="sign of life")
    try:
        yield
    finally:
        touching.cancel()
        await asyncio.wait([touching])


async def _touch(file: Path) -> None:
    """Touch the file until cancelled; one that cannot be touched grows old, which is what it is there for."""
    while True:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(file.touch)
        await asyncio.sleep(ALIVE_EVERY_S)


def configure_logging(name: str) -> None:
    """Write one line an event to standard error, the program's name in it; secrets are never logged."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s {name} %(levelname)s %(name)s: %(message)s",
    )
    for noisy in ("alembic", "httpx", "httpcore", "pymodbus", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _die_with_parent() -> None:
    """Have Linux end this program when the supervisor that started it is killed; elsewhere do nothing."""
    parent = os.environ.pop(PARENT_VARIABLE, "")
    if not parent or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit(0)
