"""The spool: every sample is committed here, under a number without holes, before anyone hears of it.

Rows that the centre has stored stay as the gateway's own archive while there is room. When there is none, the
oldest stored rows go first; after that the oldest unstored ones are thinned, and what was taken out is
declared as a gap, so that the centre learns of every missing number.

A `Spool` belongs to one thread; `edge_agent.spool_worker` runs it beside the event loop.
"""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge_agent.spool_file import Connect, connect_sqlite, open_file, translated
from oxygen.ranges import Range, RangeSet
from oxygen.reading import Sample, Signal

_THIN_BLOCK = 64
_THIN_KEEP = 16
_FREE_AT_ONCE = 256
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(dict[str, Signal])
_COLUMNS = "seq, subject, t_us, boot, mono_us, signals, checksum"

_Row = tuple[int, str, int | None, str, int, bytes, int]

THINNED = "thinned"
FREED = "freed"
UNREADABLE = "unreadable"


class Rows(NamedTuple):
    """A contiguous run of samples."""

    samples: list[Sample]


class Gap(NamedTuple):
    """A run of numbers, ends included, whose samples the gateway no longer has, and why."""

    first: int
    last: int
    reason: str


class Sizes(NamedTuple):
    """How full the spool is.

    Attributes:
        rows: Samples on disk.
        unstored: Numbers that the centre has not confirmed as stored, gaps included.
        live_bytes: Bytes in use inside the file, which the cap is compared with.
        file_bytes: Size on disk, write-ahead log included.
        oldest_unstored_us: Time of the oldest sample not confirmed, or None.
    """

    rows: int
    unstored: int
    live_bytes: int
    file_bytes: int
    oldest_unstored_us: int | None


class Spool:
    """An open spool.

    Attributes:
        path: Its file.
        epoch: Identity of the file, made at random when it was created.
        last_seq: Number of the newest committed sample; 0 when there is none.
        set_aside: Where a damaged predecessor was put when this one was opened, or None.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, stamp: str = "", connect: Connect = connect_sqlite
    ) -> None:
        """Open or create the file; see `edge_agent.spool_file.open_file`.

        Args:
            path: The file.
            max_bytes: Cap on what is in use inside the file.
            stamp: Ends the name of a damaged file when one has to be set aside.
            connect: Opens an SQLite file in autocommit mode.
        """
        self.path = path
        opened = open_file(path, connect, stamp)
        self._connection, self._lock, self.set_aside = opened
        self._max_bytes = max_bytes
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        self.epoch = str(meta["epoch"])
        self.last_seq = int(meta["last_seq"])
        self._thinned_to = int(meta["thinned_to"])
        self._stored = RangeSet(self._connection.execute("SELECT first, last FROM stored").fetchall())
        self._gaps: dict[str, RangeSet] = {}
        for first, last, reason in self._connection.execute("SELECT first, last, reason FROM gap").fetchall():
            self._gaps.setdefault(reason, RangeSet()).add(first, last)
        (self._rows,) = self._connection.execute("SELECT count(*) FROM sample").fetchone()

    def close(self) -> None:
        """Close the file and let others open it; safe to repeat."""
        self._connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def append(self, drafts: Sequence[Sample]) -> list[Sample]:
        """Commit samples in one transaction; return them as committed.

        Args:
            drafts: Samples whose `seq` is ignored.

        Returns:
            The same with their numbers. Where a subject already has a sample at the same microsecond the time
            is moved on by one, so that the store never merges two.

        Raises:
            sqlite3.Error: Nothing was committed and no number used, for example because the disk is full.
            SpoolCorruptError: The file is damaged; open it anew.
        """
        self._make_room()
        samples = []
        with self._transaction():
            for offset, draft in enumerate(drafts, start=1):
                seq = self.last_seq + offset
                t_us = self._free_time(draft.subject, draft.t_us)
                sample = msgspec.structs.replace(draft, seq=seq, t_us=t_us)
                self._connection.execute("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", _row(sample))
                samples.append(sample)
            self._set_meta("last_seq", self.last_seq + len(samples))
        self.last_seq += len(samples)
        self._rows += len(samples)
        return samples

    def unstored(self, after: int = 0, limit: int = 1000) -> list[Range]:
        """Return up to `limit` runs of numbers above `after` that the centre has not stored, ascending."""
        if after >= self.last_seq:
            return []
        return self._stored.missing(after + 1, self.last_seq)[:limit]

    def stored(self) -> RangeSet:
        """Return a copy of the numbers that the centre has stored."""
        return self._stored.copy()

    def mark_stored(self, ranges: Iterable[Range]) -> None:
        """Remember what the centre has stored; numbers that were never given are ignored."""
        changed = self._stored.copy()
        changed.update(self._known(ranges))
        self._replace_stored(changed)

    def reset_stored(self, ranges: Iterable[Range]) -> list[Range]:
        """Take numbers as unstored again, because the centre asks for them; return which ones.

        Numbers whose samples were freed meanwhile become a declared gap, which answers the centre too.
        """
        wanted = RangeSet(self._known(ranges))
        left = RangeSet()
        for first, last in self._stored:
            left.update(wanted.missing(first, last))
        for first, last in wanted:
            self._declare(self._absent(first, last), FREED)
        self._replace_stored(left)
        return list(wanted)

    def piece(self, first: int, last: int, max_rows: int) -> Rows | Gap:
        """Return what stands at `first`, not beyond `last`: up to `max_rows` samples in a row, or a gap.

        A sample that can no longer be decoded becomes a declared gap.
        """
        for reason, gaps in self._gaps.items():
            for gap_first, gap_last in gaps.within(first, last):
                if gap_first == first:
                    return Gap(first, gap_last, reason)
        samples: list[Sample] = []
        for row in self._select(first, last, max_rows):
            if row[0] != first + len(samples):
                break
            try:
                samples.append(_sample(row))
            except (ValueError, TypeError):  # msgspec's decoding errors are ValueErrors
                break
        if samples:
            return Rows(samples)
        self._declare([(first, first)], UNREADABLE)
        return Gap(first, first, UNREADABLE)

    def sizes(self) -> Sizes:
        """Return how full the spool is."""
        missing = self._stored.missing(1, self.last_seq) if self.last_seq else []
        oldest = None
        if missing:
            query = "SELECT t_us FROM sample WHERE seq >= ? ORDER BY seq LIMIT 1"
            (oldest,) = self._connection.execute(query, (missing[0][0],)).fetchone() or (None,)
        return Sizes(
            rows=self._rows,
            unstored=sum(last - first + 1 for first, last in missing),
            live_bytes=self._live_bytes(),
            file_bytes=sum(_size(self.path, suffix) for suffix in ("", "-wal")),
            oldest_unstored_us=oldest,
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise translated(error) from error
            raise

    def _set_meta(self, key: str, value: int) -> None:
        self._connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))

    def _free_time(self, subject: str, t_us: int | None) -> int | None:
        while t_us is not None:
            query = "SELECT 1 FROM sample WHERE subject = ? AND t_us = ?"
            if self._connection.execute(query, (subject, t_us)).fetchone() is None:
                break
            t_us += 1
        return t_us

    def _select(self, first: int, last: int, limit: int) -> list[_Row]:
        query = f"SELECT {_COLUMNS} FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"  # noqa: S608
        return self._connection.execute(query, (first, last, limit)).fetchall()

    def _known(self, ranges: Iterable[Range]) -> list[Range]:
        """Return the ranges cut to the numbers that were given out."""
        cut = ((max(1, first), min(self.last_seq, last)) for first, last in ranges)
        return [(first, last) for first, last in cut if first <= last]

    def _replace_stored(self, ranges: RangeSet) -> None:
        if ranges == self._stored:
            return
        with self._transaction():
            self._connection.execute("DELETE FROM stored")
            self._connection.executemany("INSERT INTO stored VALUES (?, ?)", list(ranges))
        self._stored = ranges

    def _absent(self, first: int, last: int) -> list[Range]:
        """Return the numbers that have neither a row nor a declared gap."""
        query = "SELECT seq FROM sample WHERE seq BETWEEN ? AND ?"
        present = RangeSet((seq, seq) for (seq,) in self._connection.execute(query, (first, last)))
        for gaps in self._gaps.values():
            present.update(gaps.within(first, last))
        return present.missing(first, last)

    def _declare(self, runs: Iterable[Range], reason: str) -> None:
        """Turn runs into gaps; their rows, if any, go."""
        runs = list(runs)
        with self._transaction():
            self._write_gaps(runs, reason)
        self._gaps.setdefault(reason, RangeSet()).update(runs)

    def _write_gaps(self, runs: Iterable[Range], reason: str) -> None:
        for first, last in runs:
            self._rows -= self._delete("seq BETWEEN ? AND ?", (first, last))
            self._connection.execute("INSERT OR REPLACE INTO gap VALUES (?, ?, ?)", (first, last, reason))

    def _delete(self, where: str, values: tuple[int, ...]) -> int:
        return self._connection.execute(f"DELETE FROM sample WHERE {where}", values).rowcount  # noqa: S608

    def _live_bytes(self) -> int:
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        return int((pages - free) * size)

    def _make_room(self) -> None:
        while self._live_bytes() > self._max_bytes and self._rows > _THIN_BLOCK:
            if not self._free_stored():
                self._thin()

    def _free_stored(self) -> bool:
        """Delete some of the oldest stored rows; tell whether there were any."""
        where = "seq IN (SELECT seq FROM sample WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?)"
        (oldest,) = self._connection.execute("SELECT coalesce(min(seq), 0) FROM sample").fetchone()
        for first, last in self._stored.within(oldest, self.last_seq):
            with self._transaction():
                freed = self._delete(where, (first, last, _FREE_AT_ONCE))
            if freed:
                self._rows -= freed
                return True
        return False

    def _thin(self) -> None:
        """Keep a quarter of the next block of old rows; past the middle, begin again at the oldest."""
        query = "SELECT seq FROM sample WHERE seq > ? ORDER BY seq LIMIT ?"
        block = [seq for (seq,) in self._connection.execute(query, (self._thinned_to, _THIN_BLOCK))]
        (behind,) = self._connection.execute(
            "SELECT count(*) FROM sample WHERE seq <= ?", (self._thinned_to,)
        ).fetchone()
        if len(block) < _THIN_BLOCK or behind > self._rows // 2:
            self._thinned_to = 0
            block = [seq for (seq,) in self._connection.execute(query, (0, _THIN_BLOCK))]
        runs = list(RangeSet((seq, seq) for seq in block[_THIN_KEEP:]))
        with self._transaction():
            self._write_gaps(runs, THINNED)
            self._set_meta("thinned_to", block[-1])
        self._thinned_to = block[-1]
        self._gaps.setdefault(THINNED, RangeSet()).update(runs)


def _row(sample: Sample) -> _Row:
    """Return a sample as it stands in the file, with a checksum: SQLite would not notice a flipped bit."""
    signals = _ENCODER.encode(sample.signals)
    plain = (sample.seq, sample.subject, sample.t_us, sample.boot, sample.mono_us)
    return (*plain, signals, _checksum(plain, signals))


def _sample(row: _Row) -> Sample:
    """Return the sample of a row; raises ValueError when it is not as it was written."""
    seq, subject, t_us, boot, mono_us, signals, checksum = row
    if _checksum((seq, subject, t_us, boot, mono_us), signals) != checksum:
        raise ValueError(f"sample {seq} is not as it was written")
    return Sample(subject, seq, t_us, boot, mono_us, _DECODER.decode(signals))


def _checksum(plain: tuple[int, str, int | None, str, int], signals: bytes) -> int:
    return zlib.crc32(signals, zlib.crc32(repr(plain).encode()))


def _size(path: Path, suffix: str) -> int:
    try:
        return path.with_name(path.name + suffix).stat().st_size
    except FileNotFoundError:
        return 0
