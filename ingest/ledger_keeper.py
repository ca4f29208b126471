"""Saving the ledgers and checkpoints, in one transaction, and asking for what is missing.

What a crash loses is at most what came since the last save; gateways are asked for it again, and the store
takes the same points a second time without doubling them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from ingest.acknowledging import AckDesk
from ingest.checkpoints import Unsaved
from ingest.ledger import EpochLedger
from ingest.saved_late import forget_late, put_late
from ingest.shard import Shard
from ingest.subject_engine import LateSpan, SubjectEngine
from oxygen.errors import OxyWatchError
from oxygen.units import US_PER_S
from records import status as status_records
from records.database import Database, Transaction

_log = structlog.get_logger(__name__)


class _Snapshot(NamedTuple):
    """What one save writes, taken in one instant: a ledger never knows a sample that no checkpoint minds."""

    ledgers: list[tuple[EpochLedger, status_records.EpochLedger]]
    shelves: list[tuple[SubjectEngine, Unsaved]]
    late: dict[str, LateSpan | None]


class LedgerKeeper:
    """Saves and asks, each on its own beat."""

    def __init__(
        self,
        database: Database,
        acks: AckDesk,
        shard: Callable[[], Shard],
        *,
        save_every_s: float,
        request_after_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run_saves` and `run_requests` do the work."""
        self._database = database
        self._acks = acks
        self._shard = shard
        self._save_every_s = save_every_s
        self._request_after_us = round(request_after_s * US_PER_S)
        self._sleep = sleep
        self._saved_late: dict[str, LateSpan | None] = {}

    def start_from(self, saved_late: dict[str, LateSpan]) -> None:
        """Learn which late spans the records hold."""
        self._saved_late = dict(saved_late)

    async def run_saves(self) -> None:
        """Save until cancelled."""
        while True:
            await self._sleep(self._save_every_s)
            try:
                await self.save()
            except OxyWatchError as error:
                _log.warning("ledgers cannot be saved yet", problem=str(error))

    async def save(self) -> None:
        """Save everything that changed. Raises Retryable or Permanent; nothing is forgotten then."""
        snapshot = self._snapshot()
        try:
            async with self._database.write() as tx:
                await _write(tx, snapshot)
        except BaseException:
            for ledger, _ in snapshot.ledgers:
                ledger.unsaved = True
            for subject_engine, _ in snapshot.shelves:
                subject_engine.shelf.failed()
            raise
        for subject_engine, unsaved in snapshot.shelves:
            subject_engine.shelf.saved(unsaved)
        self._saved_late.update(snapshot.late)

    def _snapshot(self) -> _Snapshot:
        shard = self._shard()
        now_us = shard.now_us()
        ledgers = []
        for key, ledger in shard.book.items():
            if ledger.unsaved:
                ledger.unsaved = False
                ranges = tuple(ledger.stored)
                ledgers.append((ledger, status_records.EpochLedger(key.gateway, key.epoch, ranges, now_us)))
        shelves = []
        late = {}
        for subject, subject_engine in shard.engines.items():
            unsaved = subject_engine.shelf.begin_save()
            if unsaved is not None:
                shelves.append((subject_engine, unsaved))
            if subject_engine.late_to_tell != self._saved_late.get(subject):
                late[subject] = subject_engine.late_to_tell
        return _Snapshot(ledgers, shelves, late)

    async def run_requests(self) -> None:
        """Ask gateways for holes that stay open, until cancelled."""
        while True:
            await self._sleep(self._request_after_us / US_PER_S / 3)
            await self.ask_for_holes()

    async def ask_for_holes(self) -> None:
        """Ask for every hole that has been open for too long."""
        now_us = self._shard().now_us()
        for key, ledger in self._shard().book.items():
            holes = ledger.holes()
            if not holes:
                ledger.hole_since_us = None
            elif ledger.hole_since_us is None:
                ledger.hole_since_us = now_us
            elif now_us - ledger.hole_since_us >= self._request_after_us:
                await self._acks.request(key, holes)
                ledger.hole_since_us = now_us


async def _write(tx: Transaction, snapshot: _Snapshot) -> None:
    for _, row in snapshot.ledgers:
        await status_records.put_ledger(tx, row)
    kept: list[status_records.Checkpoint] = []
    for subject_engine, unsaved in snapshot.shelves:
        subject = subject_engine.subject
        if unsaved.wrong_after_us is not None:
            await status_records.delete_checkpoints_from(tx, subject, unsaved.wrong_after_us + 1)
        kept += [status_records.Checkpoint(subject, item.at_us, item.body) for item in unsaved.checkpoints]
    await status_records.put_checkpoints(tx, kept)
    for subject, span in snapshot.late.items():
        if span is None:
            await forget_late(tx, subject)
        else:
            await put_late(tx, subject, span)
