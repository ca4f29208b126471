"""Plain lines for people, with the time that each step took."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Stop(Exception):
    """Ends the program: the text says what is wrong and what to do about it."""


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


def call(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
    """Run a command in the source tree with our own input and output; return its exit code."""
    return subprocess.run(
        list(command), cwd=ROOT, env=None if environment is None else dict(environment), check=False
    ).returncode


def call_counting(
    command: Sequence[str], what: str, expected: int, counts: Callable[[str], bool], advice: str
) -> None:
    """Run a long, chatty command behind one line "what  n of expected"; show its output when it fails.

    Args:
        command: The command, run in the source tree.
        what: Words for the line.
        expected: About how many lines of the output count.
        counts: Tells whether a line of the output counts.
        advice: What the reader can do when it fails.

    Raises:
        Stop: The command failed.
    """
    began = time.monotonic()
    live = sys.stdout.isatty()
    say(f"{what} ({expected})" if not live else what)
    lines: list[str] = []
    done = 0
    with subprocess.Popen(
        list(command),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            done += counts(line)
            if live:
                print(f"\r  {bar(done, expected)} {min(done, expected)} of {expected}", end="", flush=True)
    if live:
        print()
    if process.returncode:
        say("".join(lines[-30:]).rstrip())
        raise Stop(advice)
    say(f"  done in {time.monotonic() - began:.0f} s")


def bar(done: int, expected: int, width: int = 30) -> str:
    """Return a bar of `width` characters, filled by the share done."""
    filled = width * min(done, expected) // max(expected, 1)
    return "█" * filled + "·" * (width - filled)
