"""Starting again where the last process stopped, whatever stopped it.

The records hold ledgers, checkpoints and the latest statuses; the store holds every sample since the
checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import structlog

from ingest.arrival import Arrival
from ingest.checkpoints import Checkpoint
from ingest.ledger import EpochKey
from ingest.registry_view import RegistryView, view_of
from ingest.saved_late import Saved, read_saved
from ingest.shard import Shard
from ingest.stored import stored_arrivals
from ingest.subject_engine import SubjectEngine
from oxygen import engine
from oxygen.errors import OxyWatchError
from oxygen.ranges import Range
from oxygen.units import US_PER_DAY, US_PER_HOUR
from oxygen.wire.payloads import Status
from records import registry as registry_records
from records import status as status_records
from records.database import Database
from telemetry.contract import TelemetryStore

_log = structlog.get_logger(__name__)

AHEAD_US = US_PER_DAY
"""Readings may stand a little in the future of a wrong clock."""
REFOLDED_AT_MOST_US = 30 * US_PER_HOUR
"""What is older waits for a replay, so that evaluation starts soon: enough for the ledger's 24 hours."""
FED_TOGETHER = 500


class Remembered(NamedTuple):
    """What the records hold of the time before.

    Attributes:
        view: The registry.
        ledgers: What was stored. What was dead-lettered or declared missing after the last save is asked for
            again, and judged the same.
        saved: Of the engines.
        statuses: The latest of each subject.
    """

    view: RegistryView
    ledgers: Mapping[EpochKey, tuple[Range, ...]]
    saved: Saved
    statuses: list[Status]


async def read_view(database: Database, shard: str) -> RegistryView:
    """Return the shard's registry. Raises Retryable or Permanent."""
    async with database.read() as tx:
        registry = await registry_records.registry(tx)
        settings = await registry_records.rule_settings(tx)
    return view_of(registry, settings, shard)


async def remember(database: Database, shard: str) -> Remembered:
    """Read everything that a start needs. Raises Retryable or Permanent."""
    view = await read_view(database, shard)
    async with database.read() as tx:
        ledgers = await status_records.ledgers(tx)
        saved = await read_saved(tx)
        latest = await status_records.latest_statuses(tx)
    return Remembered(
        view=view,
        ledgers={EpochKey(item.gateway, item.epoch): item.ranges for item in ledgers},
        saved=saved._replace(checkpoints=_readable(saved.checkpoints)),
        statuses=[row.status for row in latest],
    )


def _readable(checkpoints: Mapping[str, Checkpoint]) -> dict[str, Checkpoint]:
    """Leave out checkpoints of another version of this program; the store gives the same again."""
    readable = {name: item for name, item in checkpoints.items() if engine.is_readable(item.body)}
    if len(readable) < len(checkpoints):
        _log.warning("checkpoints cannot be read, folding again", count=len(checkpoints) - len(readable))
    return readable


async def recovered(remembered: Remembered, store: TelemetryStore, shard: Shard) -> None:
    """Feed the engines what the store holds since their checkpoints, and count it as stored.

    A replay follows for every subject that has any: a kill may have come between a sample and what it meant
    for those after it. While the store cannot be read, that time is left to the replay altogether:
    evaluation starts at once all the same.
    """
    now_us = shard.now_us()
    for subject, subject_engine in shard.engines.items():
        span = remembered.saved.late.get(subject)
        if span is not None:
            subject_engine.note_late(span, now_us)
        if subject_engine.settled_until_us < now_us - REFOLDED_AT_MOST_US:
            subject_engine.skip_to(now_us - REFOLDED_AT_MOST_US, now_us)
        try:
            await _refold(shard, subject_engine, store)
        except OxyWatchError as error:
            _log.warning("store cannot be read at start", subject=subject, problem=str(error))
            subject_engine.skip_to(now_us, now_us)


async def _refold(shard: Shard, subject_engine: SubjectEngine, store: TelemetryStore) -> None:
    now_us = shard.now_us()
    waiting: list[Arrival] = []
    since_us = subject_engine.settled_until_us
    async for arrival in stored_arrivals(store, subject_engine.subject, since_us, now_us + AHEAD_US):
        if not waiting:
            subject_engine.mark_dirty(arrival.t_us, now_us)
        waiting.append(arrival)
        shard.book.of(arrival.gateway, arrival.epoch).confirm(arrival.sample.seq, arrival.sample.seq)
        if len(waiting) >= FED_TOGETHER:
            _feed(subject_engine, waiting, now_us)
    _feed(subject_engine, waiting, now_us)


def _feed(subject_engine: SubjectEngine, waiting: list[Arrival], now_us: int) -> None:
    subject_engine.feed(waiting, now_us)
    subject_engine.settle()
    waiting.clear()
