"""Which events of a scenario are at work at a moment; a function of the time after the live start alone."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from firmware_sim.scenario import LINE_FAULTS, SIGNAL_FAULTS, Event, Scenario


class Occurrence(NamedTuple):
    """An event at one of its turns, `began_s` after the live start."""

    event: Event
    began_s: float


class Story:
    """Answers by tank and gateway; cheap where nothing is planned."""

    def __init__(self, scenario: Scenario) -> None:
        """Sort the events by whom they befall."""
        self._period_s = scenario.repeat_every_s
        system_of = {tank.code: tank.system for tank in scenario.tanks}
        self._visits: dict[str, list[Event]] = {}
        self._faults: dict[tuple[str, str], list[Event]] = {}
        self._surges: dict[str, list[Event]] = {}
        self._lines: dict[str, list[Event]] = {}
        for event in scenario.events:
            if event.kind in LINE_FAULTS:
                self._lines.setdefault(event.gateway, []).append(event)
            elif event.kind in SIGNAL_FAULTS:
                self._faults.setdefault((event.tank, event.signal), []).append(event)
            elif event.kind == "surge":
                self._surges.setdefault(system_of[event.tank], []).append(event)
            else:
                self._visits.setdefault(event.tank, []).append(event)

    def visits(self, tank: str, from_s: float, to_s: float) -> list[Event]:
        """Return the run-downs and refills that begin within [from_s, to_s)."""
        return [
            event
            for event in self._visits.get(tank, ())
            if (began := self._last_turn(event, to_s)) is not None and from_s <= began < to_s
        ]

    def fault(self, tank: str, signal: str, now_s: float) -> Occurrence | None:
        """Return the fault of a transmitter, the latest if several are at work."""
        return self._active(self._faults.get((tank, signal)), now_s)

    def surge_factor(self, system: str, now_s: float) -> float:
        """Return by how much the wards' draw is multiplied; 1 in quiet times."""
        active = self._active(self._surges.get(system), now_s)
        return active.event.factor if active else 1.0

    def line_fault(self, gateway: str, kind: str, now_s: float) -> bool:
        """Return whether a gateway's line or module suffers this now."""
        events = [event for event in self._lines.get(gateway, ()) if event.kind == kind]
        return self._active(events, now_s) is not None

    def _active(self, events: list[Event] | None, now_s: float) -> Occurrence | None:
        found: Occurrence | None = None
        for event in events or ():
            began = self._last_turn(event, now_s, included=True)
            if began is None or event.until_s is None:
                continue
            if now_s < began + (event.until_s - event.at_s) and (found is None or began >= found.began_s):
                found = Occurrence(event, began)
        return found

    def _last_turn(self, event: Event, now_s: float, *, included: bool = False) -> float | None:
        """Return when the latest turn before `now_s` (or at it) began; None when it has not come yet."""
        if now_s < event.at_s or (now_s == event.at_s and not included):
            return None
        if not self._period_s or not event.repeat or event.at_s < 0:
            return event.at_s
        turns = floor((now_s - event.at_s) / self._period_s)
        began = event.at_s + turns * self._period_s
        if began == now_s and not included:
            began -= self._period_s
        return began
