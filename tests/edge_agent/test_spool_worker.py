"""Reading goes on while the disk takes nothing; what memory cannot hold is counted as lost."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from edge_agent.spool import Rows, Spool
from edge_agent.spool_worker import SpoolWorker
from tests.edge_agent.agent_files import draft


class Disk:
    """Opens connections whose writes fail while `full`."""

    def __init__(self) -> None:
        self.full = False
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
                if disk.full and sql.startswith("INSERT"):
                    raise sqlite3.OperationalError("database or disk is full")
                return super().execute(sql, parameters)  # type: ignore[arg-type]

        self.factory = Connection

    def connect(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(name, isolation_level=None, factory=self.factory, check_same_thread=False)


def worker(folder: Path, disk: Disk, max_waiting: int = 100) -> SpoolWorker:
    async def moment(_: float) -> None:
        await asyncio.sleep(0.01)

    return SpoolWorker(
        folder / "s.sqlite",
        max_bytes=1 << 30,
        stamp="x",
        connect=disk.connect,
        sleep=moment,
        max_waiting=max_waiting,
    )


def content(folder: Path) -> list[float | None]:
    spool = Spool(folder / "s.sqlite", max_bytes=1 << 30)
    try:
        rows = spool.piece(1, spool.last_seq, 1000)
        assert isinstance(rows, Rows)
        return [sample.signals["dp_pa"].value for sample in rows.samples]
    finally:
        spool.close()


async def test_samples_wait_for_a_full_disk_in_order_and_the_surplus_is_counted(tmp_path: Path) -> None:
    disk = Disk()
    mine = worker(tmp_path, disk)
    commits: list[int] = []
    mine.on_commit = commits.append
    await mine.open()
    task = asyncio.create_task(mine.run())
    disk.full = True
    for number in range(130):
        mine.submit([draft(number)])
    await asyncio.sleep(0.1)
    assert (mine.lost, commits) == (30, [])
    assert "full" in mine.last_error
    disk.full = False
    async with asyncio.timeout(5):
        while not commits:
            await asyncio.sleep(0.01)
    assert mine.last_error == ""
    task.cancel()
    assert await mine.close() == []
    assert content(tmp_path) == [float(number) for number in range(30, 130)]


async def test_ending_in_the_middle_of_a_commit_loses_and_doubles_nothing(tmp_path: Path) -> None:
    expected = 0
    for _ in range(10):
        mine = worker(tmp_path, Disk())
        await mine.open()
        task = asyncio.create_task(mine.run())
        for _ in range(20):
            mine.submit([draft(expected)])
            expected += 1
            await asyncio.sleep(0)
        task.cancel()
        assert await mine.close() == []
    assert content(tmp_path) == [float(number) for number in range(expected)]


async def test_what_the_disk_never_took_is_handed_back_at_the_end(tmp_path: Path) -> None:
    disk = Disk()
    mine = worker(tmp_path, disk)
    await mine.open()
    task = asyncio.create_task(mine.run())
    disk.full = True
    mine.submit([draft(1), draft(2)])
    await asyncio.sleep(0.05)
    task.cancel()
    assert await mine.close() == [draft(1), draft(2)]
