"""What commands of an administrator do alike: end in time, show progress, tell clearly what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from oxygen.errors import OxyWatchError
from oxygen.messages import text
from oxywatch.process import EXIT_CANNOT_RUN, run_program

EXIT_STOPPED = 130

T = TypeVar("T")
Say = Callable[[str, int, int], None]
"""Told (what is being done, done, in all); in all is 0 when nobody knows."""


def run_to_end(name: str, main: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Return what a command's work returns; ends the command with one line a language when it cannot work.

    Exit codes: 2 for wrong settings, 3 when it is refused or cannot work as things are, 130 when stopped.
    """
    found: list[T] = []

    async def guarded(stop: asyncio.Event) -> None:
        work = asyncio.create_task(_begun(main, stop))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait((work,))
            raise typer.Exit(EXIT_STOPPED)
        try:
            found.append(await work)
        except OxyWatchError as error:
            _tell(error)
            raise typer.Exit(EXIT_CANNOT_RUN) from error

    run_program(name, guarded)
    return found[0]


async def _begun(main: Callable[[asyncio.Event], Awaitable[T]], stop: asyncio.Event) -> T:
    """Call `main` within the task, so that what it raises before its first wait is told like the rest."""
    return await main(stop)


@contextmanager
def progress_bar() -> Iterator[Say]:
    """Yield what to call with progress; shown on standard error, and only to a person."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:

        def say(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=done, total=total or None)

        yield say


def _tell(error: OxyWatchError) -> None:
    """Say what is wrong, in both languages where the code has a text."""
    key = f"errors.{error.code}"
    known = text(key, "en") != key
    lines = [text(key, locale, **error.params) for locale in ("en", "vi")] if known else [str(error)]
    for line in lines:
        typer.echo(line, err=True)
