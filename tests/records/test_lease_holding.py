"""Holding a lease while work is done under it: renewed, lost in time, taken over."""

from __future__ import annotations

import asyncio
import time

import pytest

from oxygen.errors import Permanent
from records import leases
from records.database import Database
from records.leases import Claim, Lease, LeaseLost, LeaseSettings, Time
from tests.records.lease_helpers import StartProcess, line_of, take


async def test_another_process_takes_over_from_a_killed_one(
    database: Database, start_process: StartProcess
) -> None:
    """Before three times the lease's length."""
    lasts_s = 1.0
    first = await start_process("first", "serve", str(lasts_s))
    assert (await line_of(first)).startswith("began")
    second = await start_process("second", "serve", str(lasts_s))
    with pytest.raises(TimeoutError):
        await line_of(second, 1.5 * lasts_s)

    first.kill()
    killed_s = time.monotonic()
    assert (await line_of(second, 3 * lasts_s + 5)).startswith("began")

    assert time.monotonic() - killed_s < 3 * lasts_s


async def test_a_process_killed_and_started_again_goes_on_at_once(start_process: StartProcess) -> None:
    """It bears the same name, so nobody has to wait until its lease has run out."""
    first = await start_process("same", "serve", "600")
    assert (await line_of(first)).startswith("began")
    first.kill()
    await first.wait()
    again = await start_process("same", "serve", "600")

    assert (await line_of(again)).startswith("began")


QUICK = LeaseSettings(lasts_s=0.8, renew_every_s=0.1, stop_before_s=0.3, try_every_s=0.05)


class Served:
    """Notes its turns."""

    def __init__(self, database: Database) -> None:
        self.turns: list[str] = []
        self.began = asyncio.Event()
        self.database = database
        self.failure: Exception | None = None

    async def work(self, lease: Lease, stop: asyncio.Event) -> None:
        self.turns.append("began")
        self.began.set()
        try:
            if self.failure:
                raise self.failure
            await stop.wait()
            self.turns.append("stopped")
        except asyncio.CancelledError:
            self.turns.append("lost")
            self.began.clear()
            raise

    def start(self, stop: asyncio.Event, time_: Time | None = None) -> asyncio.Task[None]:
        ticking = time_ or Time(time.monotonic, asyncio.sleep)
        claim = Claim("hcm", "ingest", "a")
        holding = leases.work_while_held(self.database, claim, QUICK, self.work, stop=stop, time=ticking)
        return asyncio.create_task(holding)


async def test_work_goes_on_as_long_as_the_lease_is_renewed_and_gives_it_back(database: Database) -> None:
    served, stop = Served(database), asyncio.Event()
    running = served.start(stop)
    await asyncio.sleep(2.5)
    assert await take(database, "b") is None
    stop.set()
    await asyncio.wait_for(running, 10)

    assert served.turns == ["began", "stopped"]
    assert await take(database, "b") is not None


async def test_work_stops_before_the_lease_ends_when_it_cannot_be_renewed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records do not answer: nobody may be served by two, so nobody is served by the first."""
    served, stop = Served(database), asyncio.Event()
    running = served.start(stop)
    await asyncio.wait_for(served.began.wait(), 10)
    writing = Database.write

    def down(self: Database) -> object:
        raise Permanent("down", code="records_refused")

    monkeypatch.setattr(Database, "write", down)
    refused_s = time.monotonic()
    while "lost" not in served.turns:
        await asyncio.sleep(0.01)
    lost_s = time.monotonic() - refused_s
    monkeypatch.setattr(Database, "write", writing)
    await asyncio.wait_for(served.began.wait(), 10)
    stop.set()
    await asyncio.wait_for(running, 10)

    assert lost_s < QUICK.lasts_s
    assert served.turns == ["began", "lost", "began", "stopped"]


async def test_a_clock_that_leapt_over_the_end_stops_the_work_without_asking(database: Database) -> None:
    """As after a pause of the whole machine."""
    ahead_s = 0.0
    served, stop = Served(database), asyncio.Event()
    running = served.start(stop, Time(lambda: time.monotonic() + ahead_s, asyncio.sleep))
    await asyncio.wait_for(served.began.wait(), 10)
    ahead_s = 3600.0
    while "lost" not in served.turns:
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.wait_for(running, 10)

    assert served.turns[:2] == ["began", "lost"]


async def test_what_the_work_fails_with_ends_it_and_gives_the_lease_back(database: Database) -> None:
    served = Served(database)
    served.failure = Permanent("broken", code="records_refused")
    with pytest.raises(Permanent, match="broken"):
        await served.start(asyncio.Event())

    assert await take(database, "b") is not None


async def test_work_that_finds_the_lease_lost_begins_anew(database: Database) -> None:
    served, stop = Served(database), asyncio.Event()
    served.failure = ExceptionGroup("parts", [LeaseLost("taken")])
    running = served.start(stop)
    while len(served.turns) < 2:
        await asyncio.sleep(0.01)
    served.failure = None
    stop.set()
    await asyncio.wait_for(running, 10)

    assert served.turns[:2] == ["began", "began"]


def test_a_lease_that_could_not_be_renewed_in_time_is_refused_as_setting() -> None:
    with pytest.raises(ValueError, match="lasts_s"):
        LeaseSettings(lasts_s=5, renew_every_s=4, stop_before_s=1)
