"""Many points, many callers and many programs on one store, proven on each of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc

import pytest

from oxygen.errors import Permanent
from telemetry import TelemetrySettings, TelemetryStore, open_store
from tests.telemetry.backends import settings_text
from tests.telemetry.points import T0_US, point, read, sample_points, selection


async def test_many_points_stream_through_little_memory(store: TelemetryStore) -> None:
    """20,000 points come back as they went in, and reading them holds but a part of them at a time."""
    points = sample_points(20_000)
    await store.write(points)
    await read(store, selection(until_us=T0_US + 1))  # imports and schema are not what is measured

    tracemalloc.start()
    try:
        wrong = 0
        expected = iter(points)
        async for row in store.rows(selection()):
            wanted = next(expected)
            wrong += (row.t_us, dict(row.fields)) != (wanted.t_us, dict(wanted.fields))
        streaming_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        held = await read(store)
        holding_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert wrong == 0
    assert next(expected, None) is None
    assert len(held) == len(points)
    assert streaming_bytes < holding_bytes / 2


async def test_a_reader_may_stop_early(store: TelemetryStore) -> None:
    """Leaving the loop frees what it held: the store goes on answering, many times over."""
    await store.write(sample_points(5_000))

    for _ in range(30):
        async for row in store.rows(selection()):
            assert row.t_us == T0_US
            break
    assert len(await read(store)) == 5_000


async def test_calls_at_the_same_time_are_all_stored(store: TelemetryStore) -> None:
    """Many writers and readers in one program."""
    points = sample_points(60)

    await asyncio.gather(
        *(store.write([p]) for p in points), *(read(store) for _ in range(5)), store.latest("raw", {})
    )

    assert [dict(row.fields) for row in await read(store)] == [dict(p.fields) for p in points]


READER = """
import asyncio, sys
from pydantic import TypeAdapter
from telemetry import TelemetrySettings, open_store
from telemetry.contract import Selection

async def main():
    store = open_store(TypeAdapter(TelemetrySettings).validate_json(sys.argv[1]), readonly=True)
    print("ready", flush=True)
    for line in sys.stdin:
        rows = [row.fields["seq"] async for row in store.rows(Selection("raw", {}, 0, 2**60), fields=["seq"])]
        print(len(rows), rows == list(range(len(rows))), flush=True)
    await store.close()

asyncio.run(main())
"""


async def test_another_process_reads_while_this_one_writes(
    store: TelemetryStore, settings: TelemetrySettings
) -> None:
    """A program that shows data sees each confirmed point at once, and always a beginning without holes."""
    points = sample_points(400)
    await store.write(points[:1])
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, settings_text(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None

    def ask() -> str:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
        return reader.stdout.readline()

    try:
        assert reader.stdout.readline() == "ready\n"
        for start in range(1, 400, 57):
            asked = asyncio.create_task(asyncio.to_thread(ask))
            for p in points[start : start + 57]:
                await store.write([p])
            count, whole = (await asked).split()
            assert start <= int(count) <= start + 57
            assert whole == "True"
        assert ask() == "400 True\n"
    finally:
        reader.stdin.close()
        assert reader.wait(30) == 0
        reader.stdout.close()


async def test_a_store_opened_for_reading_refuses_to_write(
    store: TelemetryStore, settings: TelemetrySettings
) -> None:
    """The pages cannot change what they show."""
    await store.write([point(T0_US, {"seq": 1})])
    reader = open_store(settings, readonly=True)

    with pytest.raises(Permanent):
        await reader.write([point(T0_US, {"seq": 2})])

    assert [dict(row.fields) for row in await read(reader)] == [{"seq": 1}]
    await reader.close()


async def test_closing_twice_is_harmless(store: TelemetryStore) -> None:
    """A supervisor may close what has been closed."""
    await store.write([point(T0_US, {"seq": 1})])
    await store.close()
    await store.close()
