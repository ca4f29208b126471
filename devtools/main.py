"""The commands of dev.py."""

from __future__ import annotations

import os
import subprocess
import sys

from devtools.checks import check
from devtools.environment import ensure, script
from devtools.lock import lock, write_licences
from devtools.suite import run_suite
from devtools.terminal import Stop, say

USAGE = """python3 dev.py COMMAND

  run [OPTIONS]   set up and start the whole system on this machine; OPTIONS are those of `oxywatch run`
  test            set up, install the servers that tests need where we may, run all that CI runs
  test ARGUMENTS  only pytest with these arguments, for example: python3 dev.py test tests/oxygen -k refill
  check           lint, format, types and import contracts
  setup           make .venv with everything for development
  lock            resolve the dependencies anew; --upgrade takes the newest

The environment is .venv; nothing is installed outside it, except Debian packages by `test` as root."""


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code (2: the command line was not understood)."""
    command, options = (arguments[0], arguments[1:]) if arguments else ("help", [])
    try:
        return _dispatch(command, options)
    except Stop as stop:
        say(str(stop))
        return 1
    except KeyboardInterrupt:
        return 130


def _dispatch(command: str, options: list[str]) -> int:
    if command in {"help", "-h", "--help"}:
        say(USAGE)
        return 0
    if command == "run":
        ensure("runtime")
        return _become([script("oxywatch"), "run", *options])
    if command == "test":
        ensure("dev")
        return run_suite(options)
    if options and (command, options) != ("lock", ["--upgrade"]):
        say(f"dev.py {command} takes no {' '.join(options)}\n\n{USAGE}")
        return 2
    if command in {"setup", "check", "lock"}:
        ensure("dev")
        return _finish(command, upgrade=bool(options))
    say(f"dev.py does not know {command!r}\n\n{USAGE}")
    return 2


def _finish(command: str, *, upgrade: bool) -> int:
    if command == "check":
        return 0 if check() else 1
    if command == "lock":
        lock(upgrade=upgrade)
        ensure("dev")
        write_licences()
    else:
        say("Ready. Next: python3 dev.py run, or python3 dev.py test")
    return 0


def _become(command: list[str]) -> int:
    """Replace this process by `command`, so that signals reach it alone; on Windows run it and wait."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode
