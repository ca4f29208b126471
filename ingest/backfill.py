"""History out of files: the same messages, judged, fed and stored the same way, but nobody is woken.

A file holds one message a line, `{"shard", "facility", "gateway", "message": <samples payload>}`; each file
has epochs of its own, so that reading it twice stores it once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from ingest.pipeline import Pipeline
from ingest.replay import Replayer
from ingest.shard import Shard
from ingest.store_writer import StoreWriter
from oxygen.errors import OxyWatchError, Rejected
from oxygen.units import US_PER_S
from oxygen.wire.payloads import Code, Samples
from oxygen.wire.topics import GatewayAddress
from records import work as work_records
from records.database import Database

_log = structlog.get_logger(__name__)

KIND = "backfill"
REPORT_EVERY_LINES = 20
LOOK_EVERY_S = 0.1
REPORT_EVERY_LOOKS = 10
REGISTRY_PATIENCE_S = 15.0
"""A gateway may have been registered a moment ago; programs learn of it within seconds."""
READING_SHARE = 0.8
"""Of the progress shown; the rest is working out what it means."""


class Line(msgspec.Struct, frozen=True):
    """One line of a history file."""

    shard: Code
    facility: Code
    gateway: Code
    message: Samples


class Backfill:
    """Takes backfill work of its shard from the records and does it."""

    def __init__(
        self,
        database: Database,
        pipeline: Pipeline,
        writer: StoreWriter,
        replayer: Replayer,
        shard: Callable[[], Shard],
        *,
        name: str,
        worker: str,
        every_s: float,
        reclaim_after_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; `run` does the work. `name` is the shard's."""
        self._database = database
        self._pipeline = pipeline
        self._writer = writer
        self._replayer = replayer
        self._shard = shard
        self._name = name
        self._worker = worker
        self._every_s = every_s
        self._reclaim_after_us = round(reclaim_after_s * US_PER_S)
        self._sleep = sleep

    async def run(self) -> None:
        """Look for work until cancelled. Work of a process that died is taken over."""
        while True:
            try:
                await self._take_one()
            except OxyWatchError as error:
                _log.warning("backfill work cannot be taken yet", problem=str(error))
            await self._sleep(self._every_s)

    async def _take_one(self) -> None:
        now_us = self._shard().now_us()
        async with self._database.write() as tx:
            work = await work_records.claim_work(
                tx, self._name, [KIND], self._worker, now_us, now_us - self._reclaim_after_us
            )
        if work is None:
            return
        path = Path(str(work.params.get("path", "")))
        try:
            result = await self._read_file(work.id, path)
        except (Rejected, OSError) as error:
            _log.error("backfill failed", file=str(path), problem=str(error))
            async with self._database.write() as tx:
                await work_records.fail_work(
                    tx, work.id, f"{path.name}: {error}", now_us=self._shard().now_us(), worker=self._worker
                )
            return
        async with self._database.write() as tx:
            await work_records.finish_work(
                tx, work.id, result, now_us=self._shard().now_us(), worker=self._worker
            )

    async def _read_file(self, work_id: int, path: Path) -> dict[str, int]:
        gateways: set[str] = set()
        try:
            samples = await self._read_lines(work_id, path, gateways)
        finally:
            for gateway in gateways:
                self._shard().end_backfill(gateway)
        read_us, offered = self._shard().now_us(), self._writer.offered
        looks = 0
        while self._writer.dealt_with < offered or not self._replayer.clean_for(gateways, read_us):
            if looks % REPORT_EVERY_LOOKS == 0:
                await self._report(work_id, READING_SHARE)
            looks += 1
            await self._sleep(LOOK_EVERY_S)
        return {"samples": samples}

    async def _read_lines(self, work_id: int, path: Path, gateways: set[str]) -> int:
        size = max(1, await asyncio.to_thread(os.path.getsize, path))
        done = samples = 0
        for number, text in enumerate(_lines(path), start=1):
            line = _parsed(path, number, text)
            address = GatewayAddress(line.shard, line.facility, line.gateway)
            await self._until_registered(address)
            if line.gateway not in gateways:
                gateways.add(line.gateway)
                self._shard().begin_backfill(line.gateway)
            try:
                samples += await self._take(address, line.message)
            except Rejected as error:
                raise _bad_line(path, number, error) from error
            done += len(text)
            if number % REPORT_EVERY_LINES == 0:
                await self._report(work_id, READING_SHARE * done / size)
        return samples

    async def _take(self, address: GatewayAddress, message: Samples) -> int:
        """Hand a message to the pipeline until nothing of it is let go: nobody sends a file again."""
        samples = 0
        while True:
            await self._writer.wait_for_room()
            taken = self._pipeline.accept(address, message, self._shard().now_us(), history=True)
            samples += taken.samples
            if not taken.let_go:
                await self._sleep(0)
                return samples
            await self._sleep(LOOK_EVERY_S)

    async def _until_registered(self, address: GatewayAddress) -> None:
        waited_s = 0.0
        while self._shard().view.gateways.get(address.gateway) != address.facility:
            if waited_s >= REGISTRY_PATIENCE_S:
                raise Rejected(
                    f"gateway {address.gateway} is not registered at {address.facility}",
                    code="unknown_gateway",
                    gateway=address.gateway,
                    facility=address.facility,
                )
            await self._sleep(LOOK_EVERY_S)
            waited_s += LOOK_EVERY_S

    async def _report(self, work_id: int, progress: float) -> None:
        async with self._database.write() as tx:
            await work_records.report_work(
                tx, work_id, progress, "", now_us=self._shard().now_us(), worker=self._worker
            )


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _parsed(path: Path, number: int, text: bytes) -> Line:
    try:
        return msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad_line(path, number, error) from error


def _bad_line(path: Path, number: int, error: Exception) -> Rejected:
    return Rejected(f"{path.name}:{number}: {error}", code="bad_history_line", file=path.name, line=number)
