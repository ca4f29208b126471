"""`oxywatch run` as a newcomer uses it: start, look, stop, start again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

PAGE = re.compile(r"OxyWatch: (http://\S+)")
PASSWORD = re.compile(r"dùng một lần: (\S+)")
FIRST_PAGE_WITHIN_S = 120
PAGE_AGAIN_WITHIN_S = 3 * 5


class Running:
    """One `oxywatch run` in a folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.output = data.parent / f"run-{time.monotonic_ns()}.out"
        self.started = time.monotonic()
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "oxywatch", "run", "--data", str(data), "--days", "1"],
                stdout=out,
                stderr=out,
                env={**os.environ, "COLUMNS": "200"},
                start_new_session=True,
            )

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: re.Pattern[str], seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while True:
            found = pattern.search(self.printed())
            if found:
                return found[1]
            assert self.process.poll() is None, f"run ended:\n{self.printed()}{self.logs()}"
            assert time.monotonic() < deadline, (
                f"nothing like {pattern.pattern}:\n{self.printed()}{self.logs()}"
            )
            time.sleep(0.1)

    def logs(self) -> str:
        files = sorted((self.data / "logs").glob("*.log"))
        return "".join(f"\n--- {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def children(self) -> list[psutil.Process]:
        children: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return children

    def child(self, word: str) -> psutil.Process | None:
        """Return the living child with a word in its command, or None."""
        for child in self.children():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if word in child.cmdline():
                    return child
        return None

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Running]]:
    started: list[Running] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            for child in run.children():
                child.kill()
            run.process.kill()
            run.process.wait()


def rows(data: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{data / 'records.sqlite'}?mode=ro", uri=True)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


@pytest.mark.timeout(300)
def test_start_look_stop_and_start_again(tmp_path: Path, runs: list[Running]) -> None:
    """The page comes with history behind it; Ctrl-C leaves nothing running; the next start goes on."""
    data = tmp_path / "data"
    first = Running(data)
    runs.append(first)
    address = first.wait_for(PAGE, FIRST_PAGE_WITHIN_S)
    assert first.wait_for(PASSWORD, 5)
    assert httpx.get(f"{address}/health").status_code == 200
    until(lambda: rows(data, "SELECT count(*) FROM status WHERE NOT late") >= [(6,)], 60, "live statuses")
    assert rows(data, "SELECT count(DISTINCT subject) FROM tank_day") == [(6,)]
    assert rows(data, "SELECT count(*) FROM alarm WHERE NOT late AND raised_us < 0") == [(0,)]

    ingest = first.child("ingest")
    assert ingest is not None
    ingest.kill()
    until(lambda: first.child("ingest") not in (None, ingest), 20, "a killed ingest is started again")

    children = first.children()
    assert first.interrupt() == 0, first.printed()
    assert [child for child in children if child.is_running()] == []

    again = Running(data)
    runs.append(again)
    address = again.wait_for(PAGE, PAGE_AGAIN_WITHIN_S)
    assert httpx.get(f"{address}/health").status_code == 200
    newest = rows(data, "SELECT max(id) FROM status")
    until(lambda: rows(data, "SELECT max(id) FROM status") != newest, 60, "the chain goes on")
    assert again.interrupt() == 0, again.printed()


@pytest.mark.timeout(120)
def test_a_second_run_in_the_same_folder_is_refused_in_one_line(tmp_path: Path, runs: list[Running]) -> None:
    """Two supervisors on one database would fight; the second says so and leaves."""
    data = tmp_path / "data"
    first = Running(data)
    runs.append(first)
    until(lambda: (data / "oxywatch.toml").exists(), 60, "the first run holds the folder")

    second = Running(data)
    runs.append(second)

    assert second.process.wait(30) == 3
    assert "Another `oxywatch run` works in" in second.printed()
    assert "đang dùng thư mục" in second.printed()
    assert "Traceback" not in second.printed()
    first.interrupt()


def test_killing_the_supervisor_takes_its_programs_down(tmp_path: Path, runs: list[Running]) -> None:
    """Nobody is left behind that would hold the ports or write into the folder."""
    run = Running(tmp_path / "data")
    runs.append(run)
    until(lambda: len(run.children()) >= 5, 60, "programs are running")
    children = run.children()

    run.process.kill()
    run.process.wait()

    until(lambda: not [child for child in children if child.is_running()], 30, "all programs end")


def test_help_shows_how_to_use_other_servers() -> None:
    """A reader finds broker, InfluxDB and PostgreSQL in `run --help`."""
    shown = subprocess.run(
        [sys.executable, "-m", "oxywatch", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    ).stdout

    for word in ("--broker", "--influx", "--records", "postgresql://"):
        assert word in shown
