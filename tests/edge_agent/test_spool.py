"""The spool keeps what it committed, under numbers without holes, whatever happens to its process or disk."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.spool import FREED, THINNED, UNREADABLE, Gap, Rows, Spool
from edge_agent.spool_file import SpoolCorruptError, connect_sqlite
from oxygen.errors import Permanent
from oxygen.reading import Sample
from tests.edge_agent.agent_files import draft

PLENTY = 1 << 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gw.sqlite"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    opened = Spool(path, max_bytes=PLENTY)
    yield opened
    opened.close()


def numbers(piece: Rows | Gap) -> list[int]:
    assert isinstance(piece, Rows), piece
    return [sample.seq for sample in piece.samples]


def pieces(spool: Spool) -> list[Rows | Gap]:
    """Return everything from 1 to last_seq as it would be sent."""
    found: list[Rows | Gap] = []
    at = 1
    while at <= spool.last_seq:
        found.append(spool.piece(at, spool.last_seq, 500))
        last = found[-1]
        at = (last.last if isinstance(last, Gap) else last.samples[-1].seq) + 1
    return found


def test_samples_come_back_as_they_were_committed(spool: Spool) -> None:
    committed = spool.append([draft(7), draft(8, "bank:b-1")])
    assert [sample.seq for sample in committed] == [1, 2]
    assert spool.piece(1, 2, 500) == Rows(committed)
    assert committed[1].signals == draft(8).signals


def test_two_samples_of_one_instant_are_told_apart(spool: Spool) -> None:
    """The store would merge them, the later one covering the earlier."""
    spool.append([draft(1, t_us=5), draft(2, t_us=5), draft(3, "tank:b", t_us=5)])
    (fourth,) = spool.append([draft(4, t_us=5)])
    rows = spool.piece(1, 4, 9)
    assert isinstance(rows, Rows)
    assert [sample.t_us for sample in rows.samples] == [5, 6, 5, 7]
    assert fourth.t_us == 7


def test_samples_without_a_time_are_kept_without_one(spool: Spool) -> None:
    undated = Sample("tank:a-1", 0, None, "boot", 1, {})
    assert [sample.t_us for sample in spool.append([undated, undated])] == [None, None]


def test_numbers_epoch_and_stored_ranges_outlive_a_restart(path: Path, spool: Spool) -> None:
    spool.append([draft(n) for n in range(10)])
    spool.mark_stored([(2, 3), (7, 99)])
    epoch = spool.epoch
    spool.close()
    again = Spool(path, max_bytes=PLENTY)
    assert (again.epoch, again.last_seq, again.set_aside) == (epoch, 10, None)
    assert again.unstored() == [(1, 1), (4, 6)]
    assert again.append([draft(11)])[0].seq == 11
    again.close()


def test_two_agents_cannot_share_a_spool(path: Path, spool: Spool) -> None:
    """Both would give out the same numbers."""
    with pytest.raises(Permanent) as caught:
        Spool(path, max_bytes=PLENTY)
    assert caught.value.code == "spool_in_use"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent):
        Spool(tmp_path / "file" / "gw.sqlite", max_bytes=PLENTY)


def test_a_range_the_centre_asks_for_is_unstored_again_and_what_was_freed_is_declared(path: Path) -> None:
    small = Spool(path, max_bytes=64 * 1024)
    while small.sizes().rows == small.last_seq:
        small.mark_stored([(1, small.last_seq)])
        small.append([draft(small.last_seq + n) for n in range(50)])
    freed = small.last_seq - small.sizes().rows
    assert freed > 0
    assert small.reset_stored([(freed - 1, freed + 2), (10**9, 10**9 + 5)]) == [(freed - 1, freed + 2)]
    assert small.unstored()[0] == (freed - 1, freed + 2)
    assert small.piece(freed - 1, freed + 2, 9) == Gap(freed - 1, freed, FREED)
    assert numbers(small.piece(freed + 1, freed + 2, 9)) == [freed + 1, freed + 2]
    small.close()


def test_over_the_cap_stored_rows_go_first_and_no_unstored_one(path: Path) -> None:
    small = Spool(path, max_bytes=96 * 1024)
    small.append([draft(n) for n in range(200)])
    small.mark_stored([(1, 150)])
    small.append([draft(n) for n in range(200, 300)])
    while small.sizes().rows == small.last_seq:
        small.append([draft(small.last_seq)])
    assert [type(piece) for piece in pieces(small)][-1] is Rows
    rows = small.piece(151, small.last_seq, 10_000)
    assert numbers(rows) == list(range(151, small.last_seq + 1))
    small.close()


def test_when_nothing_is_stored_the_oldest_are_thinned_and_declared(path: Path) -> None:
    """Every number is still there, as a sample or in a gap, and the newest are whole."""
    cap = 128 * 1024
    small = Spool(path, max_bytes=cap)
    for start in range(0, 6000, 20):
        small.append([draft(start + n) for n in range(20)])
    found = pieces(small)
    gaps = [piece for piece in found if isinstance(piece, Gap)]
    kept = [seq for piece in found if isinstance(piece, Rows) for seq in numbers(piece)]
    assert {gap.reason for gap in gaps} == {THINNED}
    declared = [seq for gap in gaps for seq in range(gap.first, gap.last + 1)]
    assert sorted(kept + declared) == list(range(1, 6001))
    assert kept[-200:] == list(range(5801, 6001))
    assert kept[0] < 200, "old times are thinned, not cut off"
    assert small.sizes().unstored == 6000
    small.append([draft(9999)])
    assert small.sizes().live_bytes <= cap + 4096
    again_at = small.path
    small.close()
    again = Spool(again_at, max_bytes=cap)
    assert pieces(again)[: len(found) - 1] == found[:-1]
    again.close()


def test_a_row_that_is_not_as_it_was_written_becomes_a_gap_and_the_rest_is_kept(
    spool: Spool, path: Path
) -> None:
    spool.append([draft(n) for n in range(5)])
    with sqlite3.connect(path) as other:
        other.execute(
            "UPDATE sample SET signals = CAST(replace(signals, '2.0', '2.1') AS BLOB) WHERE seq = 3"
        )
    other.close()
    assert numbers(spool.piece(1, 5, 9)) == [1, 2]
    assert spool.piece(3, 5, 9) == Gap(3, 3, UNREADABLE)
    assert numbers(spool.piece(4, 5, 9)) == [4, 5]


@pytest.mark.parametrize("offset", [0, 100, 4096, 8192])
def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(path: Path, offset: int) -> None:
    first = Spool(path, max_bytes=PLENTY)
    first.append([draft(n) for n in range(300)])
    epoch = first.epoch
    first.close()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 2048)
    again = Spool(path, max_bytes=PLENTY, stamp="20260101T000000Z")
    assert again.set_aside == path.with_name("gw.sqlite.corrupt-20260101T000000Z")
    assert again.set_aside.stat().st_size > 4096
    assert again.epoch != epoch
    assert again.append([draft(1)])[0].seq == 1
    again.close()


def test_a_spool_that_lost_its_end_never_gives_a_number_twice(path: Path) -> None:
    """A file put back from an old copy beside newer rows counts too low: it is not trusted."""
    first = Spool(path, max_bytes=PLENTY)
    first.append([draft(n) for n in range(10)])
    first.close()
    with sqlite3.connect(path) as other:
        other.execute("UPDATE meta SET value = 4 WHERE key = 'last_seq'")
    other.close()
    again = Spool(path, max_bytes=PLENTY, stamp="x")
    assert again.set_aside is not None
    again.close()


class FailingConnection(sqlite3.Connection):
    """A connection whose disk can be made full."""

    full = False

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        """Fail like a full disk when told to."""
        if self.full and sql.startswith(("INSERT", "COMMIT")):
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, parameters)  # type: ignore[arg-type]


def test_a_full_disk_uses_no_number_and_later_goes_on(path: Path) -> None:
    made: list[FailingConnection] = []

    def connect(name: str) -> sqlite3.Connection:
        made.append(sqlite3.connect(name, isolation_level=None, factory=FailingConnection))
        return made[-1]

    spool = Spool(path, max_bytes=PLENTY, connect=connect)
    spool.append([draft(1)])
    made[0].full = True
    with pytest.raises(sqlite3.OperationalError, match="full"):
        spool.append([draft(2), draft(3)])
    assert spool.last_seq == 1
    made[0].full = False
    assert [sample.seq for sample in spool.append([draft(4)])] == [2]
    assert numbers(spool.piece(1, 2, 9)) == [1, 2]
    spool.close()


def test_damage_met_while_running_is_told_from_a_full_disk(path: Path) -> None:
    spool = Spool(path, max_bytes=PLENTY)
    spool.append([draft(n) for n in range(300)])
    spool.close()

    def without_cache(name: str) -> sqlite3.Connection:
        connection = connect_sqlite(name)
        connection.execute("PRAGMA cache_size = 1")
        return connection

    opened = Spool(path, max_bytes=PLENTY, connect=without_cache)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    with pytest.raises(SpoolCorruptError):
        opened.append([draft(n) for n in range(50)])
    opened.close()


CHILD = """
import sys
from pathlib import Path
from edge_agent.spool import Spool
from tests.edge_agent.agent_files import draft
spool = Spool(Path(sys.argv[1]), max_bytes=1 << 30)
size = 1
while True:
    samples = spool.append([draft(spool.last_seq + n) for n in range(size)])
    sys.stdout.write(f"{samples[0].seq} {samples[-1].seq}\\n")
    sys.stdout.flush()
    size = size % 7 + 1
"""


def test_twenty_kills_lose_nothing_committed_and_reuse_no_number(path: Path, repository: Path) -> None:
    """What the process reported as committed is there, each number once and without holes."""
    reported = 0
    epochs = set()
    for turn in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            stdout=subprocess.PIPE,
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(repository)},
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3 + 5 * turn % 17)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        for line in filter(lambda line: line.endswith(b"\n"), lines):
            first, last = map(int, line.split())
            # A commit may have outlived the report of it, never the other way round.
            assert first > reported, "a number was given twice"
            reported = last
        spool = Spool(path, max_bytes=PLENTY)
        epochs.add(spool.epoch)
        assert spool.last_seq >= reported
        present = [seq for (seq,) in connect_sqlite(str(path)).execute("SELECT seq FROM sample ORDER BY seq")]
        assert present == list(range(1, spool.last_seq + 1))
        reported = spool.last_seq
        spool.close()
    assert len(epochs) == 1
