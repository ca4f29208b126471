"""Files that are not there yet, not ours, damaged or closed to us."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oxygen.errors import Permanent, Retryable
from telemetry.embedded import EmbeddedStore
from tests.telemetry.points import T0_US, point, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file will be."""
    return tmp_path / "telemetry.db"


async def test_a_reader_before_the_first_writer_waits(path: Path) -> None:
    """Pages may start before ingest: "later" until the file is there, and then what is in it."""
    reader = EmbeddedStore(path, readonly=True)
    with pytest.raises(Retryable) as failure:
        await read(reader)
    assert failure.value.code == "telemetry_not_created"
    assert not path.exists()
    path.touch()
    with pytest.raises(Retryable):
        await reader.latest("raw", {})

    writer = EmbeddedStore(path)
    await writer.write([point(T0_US, {"seq": 1})])
    assert len(await read(reader)) == 1
    await writer.close()
    assert len(await read(reader)) == 1
    await reader.close()


def _foreign(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE patients (name TEXT)")


def _newer(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA application_id = 0x4F785774")
    connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("prepare", [_foreign, _newer])
async def test_another_program_s_file_is_left_alone(
    path: Path, prepare: Callable[[sqlite3.Connection], None]
) -> None:
    """A wrong path in the settings needs a person, and must not add tables to someone's database."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        prepare(connection)
    store, reader = EmbeddedStore(path), EmbeddedStore(path, readonly=True)

    for attempt in (store.write([point(T0_US, {"seq": 1})]), read(store), read(reader)):
        with pytest.raises(Permanent) as failure:
            await attempt
        assert failure.value.code == "telemetry_file_unusable"

    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    assert names in ([], ["patients"])
    await store.close()
    await reader.close()


async def test_a_damaged_file_is_permanent_until_it_is_put_right(path: Path) -> None:
    """No database at all; a folder that is not there; a file that must not be written."""
    path.write_bytes(b"this is no database, but long enough to look at" * 100)
    store = EmbeddedStore(path)
    for _ in range(2):
        with pytest.raises(Permanent) as failure:
            await store.write([point(T0_US, {"seq": 1})])
        assert failure.value.code == "telemetry_file_unusable"
        with pytest.raises(Permanent):
            await read(store)

    path.unlink()
    await store.write([point(T0_US, {"seq": 1})])
    assert len(await read(store)) == 1
    await store.close()


async def test_a_missing_folder_is_permanent(tmp_path: Path) -> None:
    """The settings name a folder that nobody made."""
    store = EmbeddedStore(tmp_path / "missing" / "telemetry.db")
    with pytest.raises(Permanent):
        await store.write([point(T0_US, {"seq": 1})])
    await store.close()


async def test_a_file_that_must_not_be_written_is_permanent(path: Path) -> None:
    """Opened as a read-only file system would let it be opened."""

    def connect_readonly(database: Path, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, **options)
        return connection

    store = EmbeddedStore(path)
    await store.write([point(T0_US, {"seq": 0})])
    refused = EmbeddedStore(path, connect=connect_readonly)
    with pytest.raises(Permanent):
        await refused.write([point(T0_US + 1, {"seq": 1})])
    await refused.close()
    assert len(await read(store)) == 1
    await store.close()
