"""A subject's samples as the store holds them, in their own order and each once."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

import structlog

from ingest.arrival import Arrival
from ingest.ledger import EpochKey
from ingest.points import arrival_from_row
from oxygen.units import US_PER_HOUR
from telemetry.contract import RAW, Selection, TelemetryStore

_log = structlog.get_logger(__name__)

REMEMBERED_US = US_PER_HOUR
"""A sample that ingest dated twice, before and after a kill, stands in the store at both times. They differ
by the delays of a line."""


async def stored_arrivals(
    store: TelemetryStore, subject: str, since_us: int, until_us: int
) -> AsyncIterator[Arrival]:
    """Yield the samples of [since, until) by order key; rows that are no samples are left out and logged.

    Raises Retryable when the store is down, Permanent when it is missing or access is refused.
    """
    once = _Once()
    at_one_instant: list[Arrival] = []
    unreadable = 0
    async for row in store.rows(Selection(RAW, {"subject": subject}, since_us, until_us)):
        arrival = arrival_from_row(row)
        if arrival is None:
            unreadable += 1
            continue
        if at_one_instant and at_one_instant[0].t_us != arrival.t_us:
            for each in sorted(at_one_instant, key=_order):
                yield each
            at_one_instant.clear()
        if once.is_new(arrival):
            at_one_instant.append(arrival)
    for each in sorted(at_one_instant, key=_order):
        yield each
    if unreadable:
        _log.error("the store holds rows that are no samples", subject=subject, rows=unreadable)


def _order(arrival: Arrival) -> tuple[int, str, int]:
    return arrival.key


class _Once:
    """Remembers for a while which numbers came."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, EpochKey, int]] = deque()
        self._known: set[tuple[EpochKey, int]] = set()

    def is_new(self, arrival: Arrival) -> bool:
        key = EpochKey(arrival.gateway, arrival.epoch)
        number = (key, arrival.sample.seq)
        while self._recent and self._recent[0][0] < arrival.t_us - REMEMBERED_US:
            _, old_key, old_seq = self._recent.popleft()
            self._known.discard((old_key, old_seq))
        if number in self._known:
            return False
        self._known.add(number)
        self._recent.append((arrival.t_us, *number))
        return True
