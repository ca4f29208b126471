"""Prints, after a test run, how long each room's tests took beside the time planned for them.

A room over its plan is pointed out, not failed: machines differ. The limit for the run as a whole is held by
`dev.py test`.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

DEFAULT_BUDGET_S = 30.0
BUDGETS_S = {
    "gates": 15.0,
    "servers": 30.0,
    "telemetry": 60.0,
    "records": 60.0,
    "edge_agent": 60.0,
    "ingest": 60.0,
    "alerts": 60.0,
    "api": 90.0,
    "deploy": 60.0,
    "e2e": 240.0,
}


class RoomClock:
    """Adds up set-up, call and tear-down of every test by its folder below tests/."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = defaultdict(float)
        self.tests: dict[str, int] = defaultdict(int)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of one test."""
        parts = Path(report.nodeid.split("::", 1)[0]).parts
        room = parts[1] if len(parts) > 2 else "(top)"
        self.spent_s[room] += report.duration
        self.tests[room] += report.when == "setup"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table when more than one room was run."""
        if len(self.spent_s) < 2:
            return
        terminalreporter.section("time by room")
        for room, spent in sorted(self.spent_s.items(), key=lambda item: -item[1]):
            budget = BUDGETS_S.get(room, DEFAULT_BUDGET_S)
            note = "   over its plan" if spent > budget else ""
            line = f"{room:<14} {self.tests[room]:5d} tests {spent:7.1f} s of {budget:4.0f} s{note}"
            terminalreporter.write_line(line)
        total = sum(self.spent_s.values())
        terminalreporter.write_line(f"{'in all':<14} {sum(self.tests.values()):5d} tests {total:7.1f} s")


def pytest_configure(config: pytest.Config) -> None:
    """Register the clock."""
    config.pluginmanager.register(RoomClock(), "oxywatch-room-clock")
