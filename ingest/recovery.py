"""Starting again where the last process stopped, whatever stopped it.

The records hold ledgers, checkpoints and the latest statuses; the store holds every sample since the
checkpoints.
"""

from __future__ import annotations

import structlog

from ingest.arrival import Arrival
from ingest.ledger import EpochKey
from ingest.points import arrival_from_row
from ingest.registry_view import RegistryView, view_of
from ingest.shard import Shard
from ingest.subject_engine import Checkpoint
from oxygen.errors import Retryable
from oxygen.ranges import Range
from oxygen.units import US_PER_DAY
from records import registry as registry_records
from records import status as status_records
from records.database import Database
from telemetry.contract import RAW, Selection, TelemetryStore

_log = structlog.get_logger(__name__)

AHEAD_US = US_PER_DAY
"""Readings may stand a little in the future of a wrong clock."""


async def read_view(database: Database, shard: str) -> RegistryView:
    """Return the shard's registry. Raises Retryable or Permanent."""
    async with database.read() as tx:
        registry = await registry_records.registry(tx)
        settings = await registry_records.rule_settings(tx)
    return view_of(registry, settings, shard)


async def read_ledgers(database: Database) -> dict[EpochKey, tuple[Range, ...]]:
    """Return the saved ledgers. Raises Retryable.

    What was dead-lettered or declared missing after the last save is asked for again, and judged the same.
    """
    async with database.read() as tx:
        saved = await status_records.ledgers(tx)
    return {EpochKey(item.gateway, item.epoch): item.ranges for item in saved}


async def read_checkpoints(database: Database) -> dict[str, Checkpoint]:
    """Return the newest checkpoint of every subject that has one. Raises Retryable."""
    async with database.read() as tx:
        saved = await status_records.latest_checkpoints(tx)
    return {subject: Checkpoint(item.at_us, item.body) for subject, item in saved.items()}


async def refold(shard: Shard, store: TelemetryStore) -> None:
    """Feed the engines what the store holds since their checkpoints, and count it as stored.

    While the store cannot be read, that time is left to a replay: evaluation starts at once all the same.
    """
    now_us = shard.now_us()
    for subject, subject_engine in shard.engines.items():
        selection = Selection(RAW, {"subject": subject}, subject_engine.settled_until_us, now_us + AHEAD_US)
        try:
            arrivals = [arrival_from_row(row) async for row in store.rows(selection)]
        except Retryable as error:
            _log.warning("store cannot be read at start", subject=subject, problem=str(error))
            subject_engine.skip_to(now_us, now_us)
            continue
        _count(shard, arrivals)
        subject_engine.feed(arrivals, now_us)
        shard.keep_checkpoints(subject, subject_engine.settle())


def _count(shard: Shard, arrivals: list[Arrival]) -> None:
    for arrival in arrivals:
        seq = arrival.sample.seq
        shard.book.of(arrival.gateway, arrival.epoch).confirm(seq, seq)
