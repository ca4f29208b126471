"""Instruments are read at the appointed times; what is slow or silent is counted. Virtual time."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from edge_agent.clock import Clock
from edge_agent.decoder import PointValue
from edge_agent.poll_loop import PollLoop
from edge_agent.source import Unit, UnitReading, units_of
from oxygen.reading import Quality, Reason, Sample
from tests.edge_agent.agent_files import config

WALL_US = 1_700_000_000_000_000


class Enough(Exception):  # no error, the end of the story
    """Raised when the story has been told."""


class Stage:
    """Virtual time, and a bus whose reads take as long as the story says."""

    def __init__(self, folder: Path, takes_s: list[float], silent: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.mono_s = 50.0
        self.synchronised = True
        self.takes_s = list(takes_s)
        self.silent = silent
        self.reads_at: list[float] = []
        self.samples: list[Sample] = []
        self.closed = False
        self.changes = 0
        clock = Clock(
            now_us=lambda: WALL_US + round(self.mono_s * 1e6),
            mono_us=lambda: round(self.mono_s * 1e6),
            synchronised=lambda: self.synchronised,
            boot="boot-1",
        )
        self.loop = PollLoop(
            "io",
            self,
            units_of(config(folder).buses[0].tanks),
            every_s=10.0,
            clock=clock,
            sleep=self.sleep,
            deliver=self.samples.extend,
            on_change=self.changed,
        )

    def changed(self) -> None:
        self.changes += 1

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.mono_s += seconds

    async def read(self, unit: Unit) -> UnitReading:
        if not self.takes_s:
            raise Enough
        self.reads_at.append(round(self.mono_s - 50.0, 3))
        self.mono_s += self.takes_s.pop(0)
        if len(self.reads_at) - 1 in self.silent:
            return UnitReading({p.name: PointValue(None, Reason.NO_ANSWER) for p in unit.points}, "silence")
        return UnitReading({p.name: PointValue(0.0 if "status" in p.name else 12.0) for p in unit.points}, "")

    async def close(self) -> None:
        self.closed = True

    def play(self) -> None:
        with pytest.raises(Enough):
            asyncio.run(self.loop.run())


def test_reads_keep_to_the_schedule_however_long_each_takes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0.5, 3.0, 0.0, 9.9, 0.1])
    stage.play()
    assert stage.reads_at == [0.0, 10.0, 20.0, 30.0, 40.0]
    assert stage.loop.state().overruns == 0
    assert stage.closed


def test_a_poll_that_takes_too_long_leaves_out_appointments_and_counts_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0.5, 25.0, 0.5])
    stage.play()
    assert stage.reads_at == [0.0, 10.0, 40.0]
    assert stage.loop.state().overruns == 2


def test_a_sample_is_dated_when_its_answer_had_come(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0.5, 0.25])
    stage.play()
    assert [sample.mono_us for sample in stage.samples] == [50_500_000, 60_250_000]
    assert [sample.t_us for sample in stage.samples] == [WALL_US + 50_500_000, WALL_US + 60_250_000]


def test_without_a_synchronised_clock_there_is_no_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0.5])
    stage.synchronised = False
    stage.play()
    assert [(sample.t_us, sample.boot) for sample in stage.samples] == [(None, "boot-1")]


def test_a_silent_instrument_gives_samples_that_say_so(tmp_path: Path) -> None:
    """Absent is not zero, and silence is evidence that has to travel."""
    stage = Stage(tmp_path, [0.1] * 4, silent={1, 2})
    stage.play()
    signals = [sample.signals["dp_pa"] for sample in stage.samples]
    assert [signal.quality for signal in signals] == [Quality.GOOD, Quality.BAD, Quality.BAD, Quality.GOOD]
    assert {signal.value for signal in signals[1:3]} == {None}
    assert (stage.loop.state().polls, stage.loop.state().failures) == (4, 2)


def test_falling_silent_and_answering_again_are_logged_once_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="edge_agent.poll_loop")
    stage = Stage(tmp_path, [0.1] * 6, silent={1, 2, 3})
    stage.play()
    assert [record.getMessage() for record in caplog.records] == ["bus io: silence", "bus io answers again"]
    assert stage.changes == 3
    assert stage.loop.state().last_error == ""
