"""What follows from the store's answers: ledgers and acknowledgements, or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ingest.acknowledging import AckDesk
from ingest.arrival import Letter
from ingest.ledger import EpochKey
from ingest.letter_desk import LetterDesk
from ingest.shard import Shard
from ingest.store_writer import Mark, WriteItem
from ingest.validation import LETTER_BODY_CHARACTERS
from oxygen.errors import Rejected


class StoreOutcomes:
    """Confirms what is durable, and writes down what the store will never take."""

    def __init__(self, shard: Callable[[], Shard], acks: AckDesk, letters: LetterDesk) -> None:
        """Wire it."""
        self._shard = shard
        self._acks = acks
        self._letters = letters

    def stored(self, marks: Sequence[Mark]) -> None:
        """Confirm samples run by run, and have their gateways told."""
        by_epoch: dict[EpochKey, list[int]] = {}
        for mark in marks:
            by_epoch.setdefault(mark.key, []).append(mark.seq)
        for key, numbers in by_epoch.items():
            ledger = self._shard().book.of(key.gateway, key.epoch)
            for first, last in runs(sorted(numbers)):
                ledger.confirm(first, last)
            self._acks.changed(key)

    def refused(self, item: WriteItem, error: Rejected) -> None:
        """Write the item down as a dead letter; points that confirm nothing are only logged there too."""
        body = msgspec.json.encode(item.points).decode()[:LETTER_BODY_CHARACTERS]
        params = {"detail": str(error)}
        if item.mark is None:
            gateway = dict(item.points[0].tags).get("gateway", "")
            self._letters.put(Letter(gateway, None, None, None, "store_refused", params, body))
            return
        key, seq, subject, t_us = item.mark
        if not self._letters.put(Letter(key.gateway, key.epoch, seq, seq, "store_refused", params, body)):
            self._shard().book.of(key.gateway, key.epoch).drop(seq)
        subject_engine = self._shard().engines.get(subject)
        if subject_engine is not None:
            subject_engine.forget((t_us, key.epoch, seq), self._shard().now_us())


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as contiguous, inclusive runs."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
