"""Every answer of the store, and what follows from it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from ingest.ledger import EpochKey
from ingest.store_writer import Mark, StoreWriter, WriteItem
from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable
from telemetry.contract import RAW, Point
from tests.ingest.memory_store import MemoryStore

KEY = EpochKey("gw-a", "e1")


class Outcomes:
    """Remembers what the writer told."""

    def __init__(self) -> None:
        self.confirmed: set[int] = set()
        self.refusals: list[int] = []

    def stored(self, marks: Sequence[Mark]) -> None:
        self.confirmed |= {mark.seq for mark in marks}

    def refused(self, item: WriteItem, error: Rejected) -> None:
        assert item.mark is not None
        self.refusals.append(item.mark.seq)


def item(seq: int) -> WriteItem:
    point = Point(RAW, (("subject", "tank:a-1"),), seq, {"dp_pa": float(seq)})
    return WriteItem((point,), Mark(KEY, seq, "tank:a-1", seq))


@asynccontextmanager
async def writing(
    store: MemoryStore, *, buffer_points: int = 1000
) -> AsyncIterator[tuple[StoreWriter, Outcomes]]:
    outcomes = Outcomes()
    writer = StoreWriter(
        store,
        outcomes,
        buffer_points=buffer_points,
        batch_points=100,
        retry_first_s=0.005,
        retry_cap_s=0.01,
    )
    task = asyncio.create_task(writer.run())
    try:
        yield writer, outcomes
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until_confirmed(outcomes: Outcomes, numbers: set[int]) -> None:
    async with asyncio.timeout(5):
        while outcomes.confirmed != numbers:
            await asyncio.sleep(0.005)


async def test_what_the_store_takes_is_confirmed() -> None:
    """And only then."""
    store = MemoryStore()
    async with writing(store) as (writer, outcomes):
        assert all(writer.offer(item(seq)) for seq in range(1, 251))
        await until_confirmed(outcomes, set(range(1, 251)))

    assert len(store.of(RAW)) == 250


@pytest.mark.parametrize("error", [Retryable("down"), Permanent("refused")])
async def test_while_the_store_takes_nothing_everything_waits(error: OxyWatchError) -> None:
    """A store that is down, and one that refuses our account, lose nothing and confirm nothing."""
    store = MemoryStore()
    store.error = error
    async with writing(store) as (writer, outcomes):
        writer.offer(item(1))
        await asyncio.sleep(0.05)
        assert outcomes.confirmed == set()
        assert writer.problem
        store.error = None
        await until_confirmed(outcomes, {1})
        assert writer.problem == ""


async def test_one_bad_point_is_found_and_the_others_are_stored() -> None:
    """A refused request is narrowed down until the bad one is alone."""
    store = MemoryStore()
    store.refuses = lambda point: point.t_us == 37
    async with writing(store) as (writer, outcomes):
        for seq in range(1, 81):
            writer.offer(item(seq))
        await until_confirmed(outcomes, set(range(1, 81)) - {37})
        async with asyncio.timeout(5):
            while writer.waiting_points:
                await asyncio.sleep(0.005)

    assert set(outcomes.refusals) == {37}


async def test_a_full_buffer_refuses_and_takes_again_when_there_is_room() -> None:
    """Memory is bounded; what was refused comes again from the gateways."""
    store = MemoryStore()
    store.error = Retryable("down")
    async with writing(store, buffer_points=10) as (writer, outcomes):
        taken = [writer.offer(item(seq)) for seq in range(1, 21)]
        assert taken == [True] * 10 + [False] * 10
        store.error = None
        await until_confirmed(outcomes, set(range(1, 11)))
        assert writer.offer(item(11))
        await until_confirmed(outcomes, set(range(1, 12)))
