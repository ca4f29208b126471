"""Runs a spool in a thread of its own, so that reading instruments never waits for the disk."""

from __future__ import annotations

import asyncio
import functools
import logging
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from edge_agent.spool import Spool
from edge_agent.spool_file import Connect, SpoolCorruptError, connect_sqlite, translated
from oxygen.reading import Sample

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_MAX_WAITING = 20_000
_RETRY_S = 1.0


class SpoolWorker:
    """The event loop's side of a spool.

    Attributes:
        lost: Samples dropped because the disk took nothing for so long that memory ran full.
        last_error: Why the disk takes nothing, in English; empty when it does.
        on_commit: Called in the event loop with the newest number after each commit.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        stamp: str,
        connect: Connect = connect_sqlite,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        """Prepare; `open` opens the file.

        Args:
            path, max_bytes, stamp, connect: See `Spool`.
            sleep: Passing of time before the disk is tried again.
            max_waiting: Samples kept in memory while the disk takes nothing; then the oldest are dropped.
        """
        self.lost = 0
        self.last_error = ""
        self.on_commit: Callable[[int], None] = lambda _: None
        self._make = lambda: Spool(path, max_bytes=max_bytes, stamp=stamp, connect=connect)
        self._sleep = sleep
        self._waiting: deque[Sample] = deque()
        self._max_waiting = max_waiting
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._spool: Spool | None = None
        self._committing: asyncio.Task[bool] | None = None

    async def open(self) -> Spool:
        """Open the file and return the spool, whose methods are to be called through `call` only.

        Raises:
            Permanent: See `edge_agent.spool_file.open_file`.
        """
        self._spool = await self._in_thread(self._make)
        return self._spool

    def submit(self, drafts: Iterable[Sample]) -> None:
        """Hand over samples to be committed soon; never waits."""
        self._waiting.extend(drafts)
        surplus = len(self._waiting) - self._max_waiting
        for _ in range(surplus):
            self._waiting.popleft()
        self.lost += max(surplus, 0)
        self._arrived.set()

    async def run(self) -> None:
        """Commit what is handed over, until cancelled.

        While the disk takes nothing, samples wait in memory and the disk is tried once a second.

        Raises:
            SpoolCorruptError: The file is damaged; `close` returns what was not committed.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            # A commit that has begun is finished even when this task is cancelled; `close` waits for it.
            self._committing = asyncio.create_task(self._commit())
            if not await asyncio.shield(self._committing):
                await self._sleep(_RETRY_S)
                self._arrived.set()

    async def call(self, method: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run one of the spool's methods in its thread and return what it returns.

        Raises:
            sqlite3.Error: The disk did not do it; it may later.
            SpoolCorruptError: The file is damaged.
        """
        try:
            return await self._in_thread(method, *arguments, **named)
        except sqlite3.Error as error:
            raise translated(error) from error

    async def close(self) -> list[Sample]:
        """Commit what still waits, close the file, and return the samples that the disk did not take."""
        if self._committing is not None:
            await asyncio.wait([self._committing])
        if self._spool is not None:
            try:
                await self._commit()
            except SpoolCorruptError as error:
                _log.error("the spool is damaged: %s", error)
            await self._in_thread(self._spool.close)
            self._spool = None
        self._thread.shutdown(wait=False)
        return list(self._waiting)

    async def _commit(self) -> bool:
        """Commit everything that waits in one transaction; tell whether the disk took it."""
        assert self._spool is not None, "open comes first"
        batch = list(self._waiting)
        if not batch:
            return True
        self._waiting.clear()
        try:
            await self._in_thread(self._spool.append, batch)
        except (sqlite3.Error, SpoolCorruptError) as error:
            self._waiting.extendleft(reversed(batch))
            self._note_error(str(error))
            if isinstance(error, SpoolCorruptError):
                raise
            return False
        self._note_error("")
        self.on_commit(self._spool.last_seq)
        return True

    def _note_error(self, text: str) -> None:
        if text and text != self.last_error:
            _log.error("the spool takes nothing: %s", text)
        if self.last_error and not text:
            _log.warning("the spool takes samples again; %d were lost", self.lost)
        self.last_error = text

    async def _in_thread(self, method: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        bound = functools.partial(method, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._thread, bound)
