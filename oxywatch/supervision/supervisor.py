"""Keeps programs running: starts them, starts them again when they end, stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import structlog

from oxywatch.process import PARENT_VARIABLE

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
"""A program that ran this long is started again at once when it ends."""


class Program(NamedTuple):
    """One program to run.

    Attributes:
        name: Of its log file and in messages.
        command: What to execute.
        final_codes: Exit codes after which starting it again is useless (its configuration is wrong).
    """

    name: str
    command: Sequence[str]
    final_codes: frozenset[int] = frozenset({2, 3})


class Supervisor:
    """Starts programs in the order in which they are added and stops them in the opposite one.

    Attributes:
        failed: Set when a program cannot run at all while the house is being started; `failure` is its name.
            Later no program's end is final: one with damaged data must not take the gateways down with it.
    """

    def __init__(
        self,
        log_folder: Path,
        *,
        stop_within_s: float = 10.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; logs of the programs are appended to files in `log_folder`."""
        self.failed = asyncio.Event()
        self.failure = ""
        self._log_folder = log_folder
        self._stop_within_s = stop_within_s
        self._sleep = sleep
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._started = False

    def add(self, program: Program) -> None:
        """Start a program and keep it running."""
        self._keepers[program.name] = asyncio.create_task(self._keep(program), name=program.name)

    def all_started(self) -> None:
        """Learn that the house stands; from now on every program is started again whatever its exit code."""
        self._started = True

    def pid(self, name: str) -> int | None:
        """Return the process id of a running program, or None."""
        process = self._processes.get(name)
        return process.pid if process is not None and process.returncode is None else None

    async def _keep(self, program: Program) -> None:
        pause_s = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_once(program)
            if self._stopping.is_set():
                return
            _log.warning("program ended", program=program.name, code=code, log=str(self.log_of(program.name)))
            if code in program.final_codes and not self._started:
                self.failure = program.name
                self.failed.set()
                return
            pause_s = FIRST_PAUSE_S if loop.time() - started > STEADY_AFTER_S else pause_s
            await self._sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    async def _run_once(self, program: Program) -> int:
        with self.log_of(program.name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(os.environ),
                start_new_session=True,
            )
        self._processes[program.name] = process
        return await process.wait()

    def log_of(self, name: str) -> Path:
        """Return where a program's output goes."""
        return self._log_folder / f"{name}.log"

    async def stop(self) -> None:
        """Ask every program to end, the last added first, and end the ones that do not."""
        self._stopping.set()
        for name in reversed(self._keepers):
            await self._stop_one(name)
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)

    async def _stop_one(self, name: str) -> None:
        process = self._processes.get(name)
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._stop_within_s)
        except TimeoutError:
            _log.warning("program does not end, killing it", program=name)
            process.kill()
            await process.wait()


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {**environment, PARENT_VARIABLE: str(os.getpid())}
