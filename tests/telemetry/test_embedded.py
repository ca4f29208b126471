"""What only the SQLite file can suffer: locks, a full disk, SIGKILL, a second writing program."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from oxygen.errors import Permanent, Rejected, Retryable
from telemetry.embedded import EmbeddedStore
from tests.telemetry.points import T0_US, point, read, sample_points, selection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file will be."""
    return tmp_path / "telemetry.db"


class Connections:
    """Opens files as sqlite3.connect does and keeps what was opened, in the order of opening."""

    def __init__(self, prepare: Callable[[sqlite3.Connection], object] = lambda connection: None) -> None:
        self.opened: list[sqlite3.Connection] = []
        self.statements: list[str] = []
        self._prepare = prepare

    def __call__(self, *args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*args, **options)
        connection.set_trace_callback(self.statements.append)
        self._prepare(connection)
        self.opened.append(connection)
        return connection


@pytest_asyncio.fixture
async def store(path: Path) -> AsyncIterator[EmbeddedStore]:
    """A store with one point, which gives up on a lock after 0.2 s."""
    opened = EmbeddedStore(path, busy_timeout_s=0.2)
    await opened.write([point(T0_US, {"seq": 0})])
    yield opened
    await opened.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the file's write lock as another program would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


async def test_a_lock_held_too_long_is_retryable(store: EmbeddedStore, path: Path) -> None:
    """Reads go on meanwhile, and the same write succeeds once the lock is gone."""
    with locked(path):
        with pytest.raises(Retryable) as failure:
            await store.write([point(T0_US + 1, {"seq": 1})])
        assert failure.value.code == "telemetry_locked"
        assert [row.fields["seq"] for row in await read(store)] == [0]

    await store.write([point(T0_US + 1, {"seq": 1})])
    assert [row.fields["seq"] for row in await read(store)] == [0, 1]


async def test_waiting_for_a_lock_leaves_the_event_loop_free(path: Path) -> None:
    """The lock is released by the very loop that awaits the write; a loop held up could never do it."""
    store = EmbeddedStore(path, busy_timeout_s=60)
    await store.write([point(T0_US, {"seq": 0})])
    with locked(path) as other:
        writing = asyncio.create_task(store.write([point(T0_US + 1, {"seq": 1})]))
        await asyncio.sleep(0.05)
        assert not writing.done()
        other.execute("ROLLBACK")
        await writing

    assert len(await read(store)) == 2
    await store.close()


async def test_calls_that_wait_together_share_a_commit(path: Path) -> None:
    """Fifty calls that arrive while a commit is held up cost one more; a bad one among them harms none."""
    connections = Connections()
    store = EmbeddedStore(path, busy_timeout_s=60, connect=connections)
    await store.write([point(T0_US, {"seq": 0})])
    connections.statements.clear()
    with locked(path) as other:
        first = asyncio.create_task(store.write([point(T0_US + 1, {"seq": 1})]))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(store.write([point(T0_US + i, {"seq": i})])) for i in range(2, 52)]
        bad = asyncio.create_task(
            store.write([point(T0_US + 99, {"seq": "chữ"}), point(T0_US + 52, {"seq": 52})])
        )
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        await asyncio.gather(first, *others)
        with pytest.raises(Rejected) as refusal:
            await bad

    assert connections.statements.count("COMMIT") == 2
    assert (refusal.value.params["points"], refusal.value.params["reasons"]) == ([0], ["type_conflict"])
    assert [row.fields["seq"] for row in await read(store)] == list(range(53))
    await store.close()


async def test_a_commit_is_on_the_disk_when_it_is_confirmed(path: Path) -> None:
    """WAL with synchronous=FULL (2): SQLite syncs the log at each commit."""
    connections = Connections()
    store = EmbeddedStore(path, connect=connections)
    await store.write([point(T0_US, {"seq": 0})])

    assert connections.opened[0].execute("PRAGMA synchronous").fetchone() == (2,)
    assert connections.opened[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await store.close()


async def test_an_abandoned_call_does_not_harm_the_next(store: EmbeddedStore, path: Path) -> None:
    """A task is cancelled while its write waits for a lock; the writing thread goes on."""
    with locked(path):
        writing = asyncio.create_task(store.write([point(T0_US + 1, {"seq": 1})]))
        await asyncio.sleep(0.05)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    await store.write([point(T0_US + 2, {"seq": 2})])
    assert (await read(store))[-1].fields["seq"] == 2


async def test_a_full_disk_is_retryable_and_loses_nothing_confirmed(path: Path) -> None:
    """Past the last free page writes say "later", what was confirmed stays, and room lets them succeed."""
    pages = {"max": 60}
    connections = Connections(lambda c: c.execute(f"PRAGMA max_page_count = {pages['max']}"))
    store = EmbeddedStore(path, connect=connections)
    points = sample_points(6_000)
    confirmed, failure = 0, None
    try:
        for start in range(0, 6_000, 100):
            await store.write(points[start : start + 100])
            confirmed = start + 100
    except Retryable as error:
        failure = error

    assert failure is not None
    assert failure.code == "telemetry_full"
    assert 0 < confirmed < 6_000
    assert len(await read(store)) == confirmed
    pages["max"] = 100_000
    await store.write(points[confirmed:])
    assert [row.t_us for row in await read(store)] == [p.t_us for p in points]
    await store.close()


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from oxygen.errors import Retryable
from telemetry.embedded import EmbeddedStore
from tests.telemetry.points import read, sample_points

async def main():
    store = EmbeddedStore(Path(sys.argv[1]))
    points = sample_points(20_000)
    await store.write(points[:100])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    confirmed = 100
    try:
        while confirmed < 20_000:
            await store.write(points[confirmed:confirmed + 100])
            confirmed += 100
    except Retryable:
        print(confirmed, len(await read(store)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.write(points[confirmed:])
        await store.close()

asyncio.run(main())
"""


def test_a_write_that_the_system_refuses_is_retryable(path: Path) -> None:
    """The operating system refuses to let the file grow; when it lets it again, the same call succeeds."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    confirmed, found = map(int, done.stdout.split())
    assert confirmed == found < 20_000
    assert stored_times(path) == [p.t_us for p in sample_points(20_000)]


KILLED = """
import asyncio, itertools, sys
from pathlib import Path
from telemetry.embedded import EmbeddedStore
from tests.telemetry.points import T0_US, point

async def main():
    store = EmbeddedStore(Path(sys.argv[1]))
    for seq in itertools.count():
        await store.write([point(T0_US + seq, {"seq": seq, f"field_{seq % 40}": 1.0})])
        print(seq, flush=True)

asyncio.run(main())
"""


def test_what_was_confirmed_survives_sigkill(path: Path) -> None:
    """Killed in the middle of writing, again and again: every confirmed point is there, whole and once."""
    for confirmations in (1, 10, 20, 40, 80, 120):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(confirmations):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        confirmed = confirmations + len(writer.stdout.read().splitlines())
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()

        times = stored_times(path)
        assert times == [T0_US + i for i in range(len(times))]
        assert confirmed <= len(times) <= confirmed + 1


def stored_times(path: Path) -> list[int]:
    """Return the times in a file, by SQLite alone and after its own check of the file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = connection.execute('SELECT _t_us FROM "points_raw" ORDER BY 1').fetchall()
    return [row[0] for row in found]


async def test_a_second_writer_s_columns_are_seen(store: EmbeddedStore, path: Path) -> None:
    """A recovery tool beside the program: each notices the series and columns that the other has made."""
    other = EmbeddedStore(path)
    await other.write(
        [point(T0_US + 1, {"seq": 1, "fresh": 1.0}), point(T0_US, {"a": 1}, measurement="extra")]
    )
    await store.write(
        [point(T0_US + 2, {"fresh": 2.0, "newer": "x"}), point(T0_US, {"a": 2}, measurement="extra")]
    )
    await other.write([point(T0_US + 3, {"newer": "y"}, tags=[("subject", "tank:new")])])
    with pytest.raises(Rejected):
        await store.write([point(T0_US + 4, {"newer": 1.0}, tags=[("subject", "tank:new")])])

    rows = await read(store)
    assert [dict(row.fields) for row in rows] == [
        {"seq": 0},
        {"seq": 1, "fresh": 1.0},
        {"fresh": 2.0, "newer": "x"},
        {"newer": "y"},
    ]
    assert [row.fields["a"] for row in await read(store, selection(measurement="extra"))] == [2]
    await other.close()


async def test_a_long_read_sees_pages_written_meanwhile_and_keeps_its_order(store: EmbeddedStore) -> None:
    """Writing goes on between two pages of a slow reader; nothing is repeated and nothing older appears."""
    points = sample_points(5_000)
    await store.write(points)
    seen: list[int] = []
    async for row in store.rows(selection()):
        if len(seen) == 100:
            await store.write([point(points[-1].t_us + 1, {"seq": 5_000}), point(T0_US - 1, {"seq": -1})])
        seen.append(row.t_us)

    assert seen == [p.t_us for p in points] + [points[-1].t_us + 1]


async def test_a_closed_store_refuses_writes(path: Path) -> None:
    """And what was under way when it was closed is committed."""
    store = EmbeddedStore(path)
    writes = [asyncio.create_task(store.write([point(T0_US + i, {"seq": i})])) for i in range(20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    with pytest.raises(Permanent):
        await store.write([point(T0_US, {"seq": 1})])

    assert len(stored_times(path)) == 20


async def test_no_more_than_a_few_files_stay_open(path: Path) -> None:
    """One connection writes and two read, however many calls there are; closing leaves none."""
    connections = Connections()
    store = EmbeddedStore(path, connect=connections)
    await store.write(sample_points(100))
    await asyncio.gather(*(read(store) for _ in range(40)), *(store.latest("raw", {}) for _ in range(40)))

    assert len(connections.opened) <= 3
    await store.close()
    for connection in connections.opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
