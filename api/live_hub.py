"""Keeps every tank's newest status in memory and wakes the open streams when one changes.

Status rows are the truth: the broker only says that it is worth looking now, its payloads and retained
messages are not read. One reader serves all streams; a slow stream is never queued for, it just sees the
newest state when it asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence

from api.config_publisher import ConfigPublisher
from api.context import Context
from broker_link import Session
from oxygen.errors import OxyWatchError
from oxygen.wire.payloads import Status
from oxygen.wire.topics import all_statuses
from records import alarms, registry, status
from records.database import Transaction
from records.permission import Visible
from records.registry import Registry
from records.status import StatusRow

BATCH = 500
MOST_ALARMS_COUNTED = 999
_log = logging.getLogger(__name__)


class LiveHub:
    """The newest state of all tanks.

    Attributes:
        registry: As last read; None until the first success.
        waiting_alarms: Subject and facility of each open alarm that nobody has acknowledged.
        turn: Grows with every change of what the pages show.
        stopping: Set when streams have to end.
    """

    def __init__(self, context: Context) -> None:
        self.registry: Registry | None = None
        self.waiting_alarms: tuple[tuple[str, str], ...] = ()
        self.turn = 0
        self.stopping = asyncio.Event()
        self._context = context
        self._newest: dict[str, StatusRow] = {}
        self._turns: dict[str, int] = {}
        self._cursor: int | None = None
        self._refreshed_at: float | None = None
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._complaint = ""

    @property
    def cursor(self) -> int:
        """Id of the newest status row seen; 0 before the first."""
        return self._cursor or 0

    def trustworthy(self) -> bool:
        """Tell whether the rows were read a moment ago; a hub that cannot read vouches for nothing."""
        if self._refreshed_at is None:
            return False
        settings = self._context.settings
        patience_s = max(2 * settings.poll_s, settings.keepalive_s)
        return asyncio.get_running_loop().time() - self._refreshed_at < patience_s

    def statuses(self) -> dict[str, Status]:
        """Return the newest status by subject."""
        return {subject: row.status for subject, row in self._newest.items()}

    def rows_after(self, row_id: int) -> list[StatusRow]:
        """Return the newest row of each subject that a reader at `row_id` has not seen, oldest first."""
        return _by_id(row for row in self._newest.values() if row.id > row_id)

    def rows_since(self, turn: int) -> list[StatusRow]:
        """Return the newest row of each subject that arrived after `turn`, oldest first."""
        return _by_id(row for subject, row in self._newest.items() if self._turns[subject] > turn)

    def alarms_waiting_for(self, visible: Visible) -> int:
        """Return how many open alarms that a visitor may see nobody has acknowledged."""
        return sum(visible.on_subject("alarms:read", *where) for where in self.waiting_alarms)

    async def change_after(self, turn: int, timeout_s: float) -> None:
        """Return when something changed after `turn`, when streams have to end, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.turn == turn and not self.stopping.is_set():
                    await self._changed.wait()

    def end_streams(self) -> None:
        """Let every open stream end; the server is stopping."""
        self.stopping.set()
        self._announce()

    async def run(self) -> None:
        """Follow the rows until cancelled."""
        async with contextlib.AsyncExitStack() as stack:
            if self._context.broker is not None:
                session = Session(
                    self._context.broker,
                    client_id=self._context.instance,
                    subscriptions=[all_statuses()],
                )
                await stack.enter_async_context(session)
                listener = asyncio.create_task(self._listen(session))
                stack.push_async_callback(_cancel, listener)
                publisher = ConfigPublisher(
                    self._context.database, session, every_s=self._context.settings.poll_s
                )
                stack.push_async_callback(_cancel, asyncio.create_task(publisher.run()))
            while True:
                await self._look()
                await self._pause()

    async def _listen(self, session: Session) -> None:
        async for _ in session.messages():
            self._wake.set()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._context.settings.poll_s):
                await self._wake.wait()
        self._wake.clear()

    async def _look(self) -> None:
        """Read what is new; a database that does not answer is said once and asked again."""
        try:
            await self.refresh()
        except OxyWatchError as error:
            if str(error) != self._complaint:
                _log.warning("live figures stand still: %s", error)
            self._complaint = str(error)
            return
        if self._complaint:
            _log.info("live figures go on")
        self._complaint = ""

    async def refresh(self) -> None:
        """Read new status rows, the registry when it changed, and the alarms that wait."""
        async with self._context.database.read() as tx:
            version = await registry.registry_version(tx)
            known = self.registry
            fresh = known if known and known.version == version else await registry.registry(tx)
            rows = await self._new_rows(tx)
            open_alarms = await alarms.alarms(tx, state="open", limit=MOST_ALARMS_COUNTED)
        waiting = tuple(
            (alarm.subject, alarm.facility)
            for alarm in open_alarms
            if not alarm.acknowledged and not alarm.late
        )
        self._refreshed_at = asyncio.get_running_loop().time()
        changed = bool(rows) or fresh is not known or waiting != self.waiting_alarms
        self.registry, self.waiting_alarms = fresh, waiting
        if changed:
            self._take(rows)

    async def _new_rows(self, tx: Transaction) -> Sequence[StatusRow]:
        if self._cursor is None:
            self._cursor = await status.newest_status_id(tx)
            return await status.latest_statuses(tx)
        rows: list[StatusRow] = []
        cursor = self._cursor
        while True:
            batch = await status.statuses_after(tx, cursor, BATCH)
            rows += batch
            if len(batch) < BATCH:
                return rows
            cursor = batch[-1].id

    def _take(self, rows: Sequence[StatusRow]) -> None:
        self.turn += 1
        self._cursor = max([self.cursor, *(row.id for row in rows)])
        for row in rows:
            if not row.late:
                self._newest[row.status.subject] = row
                self._turns[row.status.subject] = self.turn
        self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _by_id(rows: Iterable[StatusRow]) -> list[StatusRow]:
    return sorted(rows, key=lambda row: row.id)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
