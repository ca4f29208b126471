"""Dead letters and declared gaps on their way into the records; only then do they count as stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from ingest.acknowledging import AckDesk
from ingest.arrival import Letter
from ingest.ledger import Book, EpochKey
from oxygen.errors import OxyWatchError, Rejected
from oxygen.wire.topics import GatewayAddress
from records import status as status_records
from records.database import Database, Transaction

_log = structlog.get_logger(__name__)

WAITING_AT_MOST = 10_000
STRANGERS_AT_MOST = 1000
PARAM_CHARACTERS = 300


class Gap(NamedTuple):
    """A run that a gateway declares missing."""

    key: EpochKey
    first: int
    last: int
    reason: str
    samples: int


class _Pending(NamedTuple):
    letter: Letter | None
    gap: Gap | None
    received_us: int


class LetterDesk:
    """Writes letters and gaps, in order, a transaction for as many as wait.

    Attributes:
        taken, written: How many so far.
    """

    def __init__(
        self,
        database: Database,
        book: Callable[[], Book],
        acks: AckDesk,
        *,
        now_us: Callable[[], int],
        retry_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` writes."""
        self.taken = 0
        self.written = 0
        self._database = database
        self._book = book
        self._acks = acks
        self._now_us = now_us
        self._retry_s = retry_s
        self._sleep = sleep
        self._waiting: asyncio.Queue[_Pending] = asyncio.Queue(WAITING_AT_MOST)
        self._unknown: set[GatewayAddress] = set()
        self._was_full = False

    def put(self, letter: Letter) -> bool:
        """Take a letter, or return False when too many wait: it stays unacknowledged, and comes again."""
        params = {name: value[:PARAM_CHARACTERS] for name, value in letter.params.items()}
        return self._offer(_Pending(letter._replace(params=params), None, self._now_us()))

    def put_gap(self, gap: Gap, received_us: int) -> bool:
        """Take a declared gap; as `put`."""
        return self._offer(_Pending(None, gap, received_us))

    def note_unknown_gateway(self, address: GatewayAddress) -> None:
        """Write down, once, that a gateway speaks which is not registered under this facility."""
        if address in self._unknown or len(self._unknown) >= STRANGERS_AT_MOST:
            return
        self._unknown.add(address)
        _log.warning("unregistered gateway", gateway=address.gateway, facility=address.facility)
        params = {"gateway": address.gateway, "facility": address.facility}
        self.put(Letter(address.gateway, None, None, None, "unknown_gateway", params, ""))

    def _offer(self, pending: _Pending) -> bool:
        try:
            self._waiting.put_nowait(pending)
        except asyncio.QueueFull:
            if not self._was_full:
                _log.warning("too many dead letters wait for the records; letting some go")
            self._was_full = True
            return False
        self._was_full = False
        self.taken += 1
        return True

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty() and len(batch) < 500:
                batch.append(self._waiting.get_nowait())
            await self._write_until_taken(batch)

    async def _write_until_taken(self, batch: list[_Pending]) -> None:
        """Write and confirm; one that the records will never take must not hold up the others."""
        while True:
            try:
                async with self._database.write() as tx:
                    await _write(tx, batch)
            except Rejected as error:
                if len(batch) == 1:
                    _log.error("a dead letter cannot be written", problem=str(error))
                    return
                for pending in batch:
                    await self._write_until_taken([pending])
                return
            except OxyWatchError as error:
                _log.warning("dead letters cannot be written yet", problem=str(error))
                await self._sleep(self._retry_s)
            else:
                self.written += len(batch)
                for pending in batch:
                    self._confirm(pending)
                return

    def _confirm(self, pending: _Pending) -> None:
        letter, gap = pending.letter, pending.gap
        if gap is not None:
            key, first, last = gap.key, gap.first, gap.last
        elif letter is not None and letter.epoch is not None and letter.first is not None:
            key, first, last = (
                EpochKey(letter.gateway, letter.epoch),
                letter.first,
                letter.last or letter.first,
            )
        else:
            return
        self._book().of(key.gateway, key.epoch).confirm(first, last)
        self._acks.changed(key)


async def _write(tx: Transaction, batch: list[_Pending]) -> None:
    letters = [
        status_records.DeadLetter(
            gateway=letter.gateway,
            received_us=pending.received_us,
            reason=letter.reason,
            params=letter.params,
            body=letter.body,
            epoch=letter.epoch,
            first_seq=letter.first,
            last_seq=letter.last,
        )
        for pending in batch
        if (letter := pending.letter) is not None
    ]
    gaps = [
        status_records.DeclaredGap(
            gateway=gap.key.gateway,
            epoch=gap.key.epoch,
            first_seq=gap.first,
            last_seq=gap.last,
            reason=gap.reason,
            count=gap.samples,
            received_us=pending.received_us,
        )
        for pending in batch
        if (gap := pending.gap) is not None
    ]
    if letters:
        await status_records.add_dead_letters(tx, letters)
    if gaps:
        await status_records.add_gaps(tx, gaps)
