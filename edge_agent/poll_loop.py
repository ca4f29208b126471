"""Reads every instrument of one bus at the appointed times."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from edge_agent.clock import Clock
from edge_agent.measure import signals_from_points
from edge_agent.source import BusSource, Unit, UnitReading
from oxygen.reading import Sample
from oxygen.units import US_PER_S
from oxygen.wire.payloads import BusState

_log = logging.getLogger(__name__)


class PollLoop:
    """The one owner of a bus.

    Attributes:
        name: Of the bus.
    """

    def __init__(
        self,
        name: str,
        source: BusSource,
        units: Sequence[Unit],
        *,
        every_s: float,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        deliver: Callable[[list[Sample]], None],
        on_change: Callable[[], None],
    ) -> None:
        """Prepare; nothing is read before `run`.

        Args:
            name: Of the bus, for the log.
            source: The bus.
            units: Its instruments.
            every_s: Distance of the appointed times, which lie on an absolute schedule.
            clock, sleep: Time.
            deliver: Takes the samples of one cycle, numbered 0; must not wait.
            on_change: Called when the bus begins or ceases to answer.
        """
        self.name = name
        self._source = source
        self._units = units
        self._every_us = round(every_s * US_PER_S)
        self._clock = clock
        self._sleep = sleep
        self._deliver = deliver
        self._on_change = on_change
        self._answering: bool | None = None
        self._polls = 0
        self._failures = 0
        self._overruns = 0
        self._last_error = ""

    def state(self) -> BusState:
        """Return how the bus does."""
        return BusState(
            answering=bool(self._answering),
            polls=self._polls,
            failures=self._failures,
            last_error=self._last_error,
            overruns=self._overruns,
        )

    async def run(self) -> None:
        """Read for ever; closes the bus when cancelled."""
        due_us = self._clock.mono_us()
        try:
            while True:
                await self.cycle()
                due_us += self._every_us
                late_us = self._clock.mono_us() - due_us
                if late_us > 0:
                    missed = -(-late_us // self._every_us)
                    self._note_overrun(missed)
                    due_us += missed * self._every_us
                await self._sleep((due_us - self._clock.mono_us()) / US_PER_S)
        finally:
            await self._source.close()

    async def cycle(self) -> None:
        """Read every unit once and deliver the samples of all its tanks."""
        errors = []
        samples: list[Sample] = []
        for unit in self._units:
            reading = await self._source.read(unit)
            samples.extend(self._samples(unit, reading))
            if reading.error:
                errors.append(reading.error)
        self._deliver(samples)
        self._polls += 1
        self._failures += bool(errors)
        self._note("; ".join(errors))

    def _samples(self, unit: Unit, reading: UnitReading) -> list[Sample]:
        """Return one sample a tank, dated when the unit's last answer had come."""
        t_us = self._clock.now_us() if self._clock.synchronised() else None
        mono_us = self._clock.mono_us()
        return [
            Sample(
                tank.subject, 0, t_us, self._clock.boot, mono_us, signals_from_points(tank, reading.values)
            )
            for tank in unit.tanks
        ]

    def _note(self, error: str) -> None:
        answering = not error
        self._last_error = error
        if answering == self._answering:
            return
        if error:
            _log.warning("bus %s: %s", self.name, error)
        elif self._answering is not None:
            _log.info("bus %s answers again", self.name)
        self._answering = answering
        self._on_change()

    def _note_overrun(self, missed: int) -> None:
        if not self._overruns:
            _log.warning("bus %s: a poll took longer than its interval, %d left out", self.name, missed)
        self._overruns += missed
