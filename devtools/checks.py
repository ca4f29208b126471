"""The gates that need no server: lint, format, types and import contracts."""

from __future__ import annotations

import time

from devtools.environment import script
from devtools.terminal import ROOT, call, say

TYPED = ("devtools", "hatch_build.py", "tests")
LIMIT_S = 90


def rooms() -> list[str]:
    """Return the top-level packages that make up the product."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in TYPED)


def check() -> bool:
    """Run every gate, also after one has failed; print each one's time; tell whether all passed."""
    gates = {
        "ruff check": [script("ruff"), "check", "--quiet", "--output-format", "concise", "."],
        "ruff format": [script("ruff"), "format", "--check", "--quiet", "--output-format", "concise", "."],
        "mypy": [script("mypy"), "--no-error-summary", *rooms(), *TYPED],
        "import contracts": [script("lint-imports"), "--no-cache", "--no-logo"],
    }
    began = time.monotonic()
    failed = [name for name, command in gates.items() if not _passes(name, command)]
    spent = time.monotonic() - began
    say(f"check: {'failed: ' + ', '.join(failed) if failed else 'all good'}, {spent:.1f} s")
    if spent > LIMIT_S:
        say(f"check is meant to take at most {LIMIT_S} s; the first run, without caches, takes longest")
    return not failed


def _passes(name: str, command: list[str]) -> bool:
    began = time.monotonic()
    passed = call(command) == 0
    say(f"  {name:<18} {'ok' if passed else 'FAILED':<7}{time.monotonic() - began:6.1f} s")
    return passed
