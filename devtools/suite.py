"""Everything that CI runs: gates, servers, tests, within one time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from devtools.checks import check
from devtools.environment import PYTHON
from devtools.servers import ensure_servers
from devtools.terminal import ROOT, say

LIMIT_S = 15 * 60
GOAL_S = 12 * 60
WIND_DOWN_S = 60


def in_ci() -> bool:
    """Tell whether we run in CI, where a missing server is a failure."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def run_suite(arguments: list[str]) -> int:
    """Run the gates and all tests, or with arguments only pytest with these; return the exit code.

    The time limit counts gates and tests; installing depends on the machine's line. Raises Stop.
    """
    ensure_servers(strict=in_ci())
    began = time.monotonic()
    gates_passed = True if arguments else check()
    exit_code = _pytest(arguments, LIMIT_S - (time.monotonic() - began))
    spent = time.monotonic() - began
    say(f"test: {spent / 60:.1f} minutes (goal {GOAL_S // 60}, limit {LIMIT_S // 60})")
    if spent > LIMIT_S:
        say(f"FAILED: the tests must finish within {LIMIT_S // 60} minutes")
        return 1
    if not gates_passed:
        say("FAILED: see `check` above")
        return 1
    return exit_code


def _pytest(arguments: list[str], limit_s: float) -> int:
    """Run pytest for at most `limit_s`; then ask it to end, so that it stops its servers."""
    with subprocess.Popen([PYTHON, "-m", "pytest", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL) as tests:
        try:
            return tests.wait(limit_s)
        except subprocess.TimeoutExpired:
            tests.send_signal(signal.SIGINT)
        except KeyboardInterrupt:
            say("Stopping; the servers of the tests are being closed")
        try:
            return tests.wait(WIND_DOWN_S) or 1
        except subprocess.TimeoutExpired:
            tests.kill()
            return 1
