"""Saving the ledgers and checkpoints, in one transaction, and asking for what is missing.

What a crash loses is at most what came since the last save; gateways are asked for it again, and the store
takes the same points a second time without doubling them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ingest.acknowledging import AckDesk
from ingest.ledger import EpochKey, EpochLedger
from ingest.shard import Shard
from ingest.subject_engine import Checkpoint
from oxygen.errors import OxyWatchError
from oxygen.units import US_PER_S
from records import status as status_records
from records.database import Database, Transaction

_log = structlog.get_logger(__name__)


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
        shard = self._shard()
        changed = [(key, ledger) for key, ledger in shard.book.items() if ledger.unsaved]
        checkpoints, shard.new_checkpoints = shard.new_checkpoints, {}
        for _, ledger in changed:
            ledger.unsaved = False
        try:
            async with self._database.write() as tx:
                await self._write(tx, changed, checkpoints)
        except OxyWatchError:
            for _, ledger in changed:
                ledger.unsaved = True
            for subject, kept in checkpoints.items():
                shard.new_checkpoints[subject] = kept + shard.new_checkpoints.get(subject, [])
            raise

    async def _write(
        self,
        tx: Transaction,
        changed: list[tuple[EpochKey, EpochLedger]],
        checkpoints: dict[str, list[Checkpoint]],
    ) -> None:
        shard = self._shard()
        for key, ledger in changed:
            await status_records.put_ledger(
                tx,
                status_records.EpochLedger(key.gateway, key.epoch, tuple(ledger.stored), shard.now_us()),
            )
        for subject, subject_engine in shard.engines.items():
            dirty_from_us = subject_engine.dirty_from_us
            if dirty_from_us is not None:
                await status_records.delete_checkpoints_from(tx, subject, dirty_from_us)
        await status_records.put_checkpoints(
            tx,
            [
                status_records.Checkpoint(subject, checkpoint.at_us, checkpoint.body)
                for subject, kept in checkpoints.items()
                for checkpoint in kept
            ],
        )

    async def run_requests(self) -> None:
        """Ask gateways for holes that stay open, until cancelled."""
        while True:
            await self._sleep(self._request_after_us / US_PER_S / 3)
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
