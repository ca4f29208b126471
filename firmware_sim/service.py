"""Runs the simulated world by the clock: modules answer, lines are cut, the state survives a kill.

The composition root gives the clock and the sleep; everything else comes from the scenario.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim import scenario_file
from firmware_sim.modbus_server import ModuleServer
from firmware_sim.network import Line, LineState
from firmware_sim.scenario import Gateway, Scenario
from firmware_sim.world import World
from oxygen.errors import BadConfiguration, Rejected
from oxygen.units import US_PER_S

_log = logging.getLogger(__name__)

Clock = Callable[[], int]
"""µs since 1970 UTC."""

Sleep = Callable[[float], Awaitable[None]]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the composition root decides.

    Attributes:
        scenario: File of the world; None takes the shipped "demo".
        state_file: Where the world is kept between runs.
        ready_file: Written once all servers listen, see `Ready`.
        truth_file: JSON lines with what every tank really holds; None writes none.
        truth_every_s: How often.
        line_target: (host, port) of the centre's broker, for lines whose scenario leaves it open.
        tick_s: How often the world is moved on.
        save_every_s: How often the state is written.
    """

    state_file: Path
    ready_file: Path
    scenario: Path | None = None
    truth_file: Path | None = None
    truth_every_s: float = 60.0
    line_target: tuple[str, int] | None = None
    tick_s: float = 1.0
    save_every_s: float = 5.0


class Endpoint(msgspec.Struct, frozen=True):
    """Where a gateway's module answers, and its line to the centre if it has one."""

    host: str
    port: int
    unit: int
    line_host: str | None = None
    line_port: int | None = None


class Ready(msgspec.Struct, frozen=True):
    """Content of the ready file."""

    pid: int
    live_start_us: int
    gateways: dict[str, Endpoint]


class Saved(msgspec.Struct, frozen=True):
    """Content of the state file.

    Attributes:
        world: A snapshot of the world.
        ports: Ports the kernel chose, by "module:CODE" and "line:CODE"; kept, for agents have learnt them.
    """

    world: dict[str, Any]
    ports: dict[str, int] = {}


def save(path: Path, saved: Saved) -> None:
    """Write the state file so that a kill leaves the old one or the new one, never half."""
    _write(path, msgspec.json.encode(saved))


def saved_in(path: Path) -> Saved | None:
    """Return the state file's content; None when there is none or it cannot be read (which is logged)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Saved)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("the simulator's state in %s cannot be read (%s); a new story begins", path, error)
        return None


async def run(
    settings: Settings,
    clock: Clock,
    sleep: Sleep,
    stop: asyncio.Event,
    scenario: Scenario | None = None,
) -> None:
    """Serve the world until `stop` is set; a cancelled call cleans up in the same way.

    A gap since the last run is caught up in virtual time, so the tanks have gone on meanwhile. A world that
    has no state yet begins at its live start; for one with a past, write the state file first, see `save`.

    Args:
        settings: Files and rhythm.
        clock: Now, µs since 1970 UTC.
        sleep: Waits some seconds.
        stop: Set it to end the service.
        scenario: Instead of the file that the settings name.

    Raises:
        BadConfiguration: The scenario is wrong, or a line leads nowhere; the caller stops.
        Retryable: A port cannot be had.
    """
    scenario = scenario or _scenario(settings)
    saved = saved_in(settings.state_file)
    world = _world(scenario, saved, clock())
    service = _Service(settings, world, dict(saved.ports) if saved else {})
    try:
        await service.start()
        await service.serve(clock, sleep, stop)
    finally:
        await service.stop()


def _scenario(settings: Settings) -> Scenario:
    if settings.scenario is None:
        return scenario_file.shipped("demo")
    return scenario_file.load(settings.scenario)


def _world(scenario: Scenario, saved: Saved | None, now_us: int) -> World:
    if saved is not None:
        try:
            return World(scenario, now_us, saved.world)
        except Rejected as error:
            _log.warning("the simulator's state is of no use (%s); a new story begins", error)
    return World(scenario, now_us)


class _Service:
    """The running parts, started and stopped together."""

    def __init__(self, settings: Settings, world: World, ports: dict[str, int]) -> None:
        self._settings = settings
        self._world = world
        self._ports = ports
        self._modules: dict[str, ModuleServer] = {}
        self._lines: dict[str, Line] = {}

    async def start(self) -> None:
        """Listen everywhere, then say so in the ready file."""
        for gateway in self._world.scenario.gateways:
            await self._start_module(gateway)
            if gateway.line is not None:
                await self._start_line(gateway)
        self._save()
        ready = Ready(
            os.getpid(),
            self._world.live_start_us,
            {gateway.code: self._endpoint(gateway) for gateway in self._world.scenario.gateways},
        )
        _write(self._settings.ready_file, msgspec.json.encode(ready))

    async def serve(self, clock: Clock, sleep: Sleep, stop: asyncio.Event) -> None:
        """Move the world on by the clock until `stop` is set."""
        now_us = clock()
        next_save_us = now_us + round(self._settings.save_every_s * US_PER_S)
        next_truth_us = now_us
        while not stop.is_set():
            # A clock that was set back must not stop the world; it waits until time has come round.
            now_us = max(clock(), self._world.now_us)
            await self._catch_up(now_us)
            await self._move_lines()
            if now_us >= next_truth_us:
                self._write_truth()
                next_truth_us = now_us + round(self._settings.truth_every_s * US_PER_S)
            if now_us >= next_save_us:
                self._save()
                next_save_us = now_us + round(self._settings.save_every_s * US_PER_S)
            await _sleep_or_stop(sleep, self._settings.tick_s, stop)

    async def stop(self) -> None:
        """Save, close all, take the ready file away."""
        self._settings.ready_file.unlink(missing_ok=True)
        self._save()
        for line in self._lines.values():
            await line.stop()
        for module in self._modules.values():
            await module.stop()

    async def _start_module(self, gateway: Gateway) -> None:
        code = gateway.code
        name = f"module:{code}"
        module = ModuleServer(
            gateway.host,
            gateway.port or self._ports.get(name, 0),
            gateway.unit,
            read_image=lambda: self._world.registers(code),
            is_silent=lambda: self._world.line_fault(code, "module_silent"),
        )
        await module.start()
        self._modules[code] = module
        self._ports[name] = module.port

    async def _start_line(self, gateway: Gateway) -> None:
        assert gateway.line is not None
        name = f"line:{gateway.code}"
        host, port = self._target(gateway)
        line = Line(gateway.line.host, gateway.line.port or self._ports.get(name, 0), host, port)
        await line.start()
        self._lines[gateway.code] = line
        self._ports[name] = line.port

    def _target(self, gateway: Gateway) -> tuple[str, int]:
        assert gateway.line is not None
        if gateway.line.target_port:
            return gateway.line.target_host or "127.0.0.1", gateway.line.target_port
        if self._settings.line_target is None:
            raise BadConfiguration(
                file=str(self._settings.scenario or "demo"),
                line=None,
                key=f"gateways.{gateway.code}.line.target_port",
                found="0",
                expected="the port of the centre's broker, here or in the simulator's settings",
            )
        return self._settings.line_target

    def _endpoint(self, gateway: Gateway) -> Endpoint:
        line = self._lines.get(gateway.code)
        return Endpoint(
            host=gateway.host,
            port=self._modules[gateway.code].port,
            unit=gateway.unit,
            line_host=gateway.line.host if gateway.line is not None else None,
            line_port=line.port if line is not None else None,
        )

    async def _catch_up(self, now_us: int) -> None:
        """Move on by at most an hour at a time, so that a long gap does not silence the modules."""
        while self._world.now_us < now_us:
            self._world.advance(min(now_us, self._world.now_us + 3600 * US_PER_S))
            await asyncio.sleep(0)

    async def _move_lines(self) -> None:
        for code, line in self._lines.items():
            if self._world.line_fault(code, "network_cut"):
                await line.set_state(LineState.CUT)
            elif self._world.line_fault(code, "network_half_open"):
                await line.set_state(LineState.HALF_OPEN)
            else:
                await line.set_state(LineState.UP)

    def _write_truth(self) -> None:
        if self._settings.truth_file is None:
            return
        with self._settings.truth_file.open("ab") as lines:
            for tank in self._world.scenario.tanks:
                truth = {"tank": tank.code, **self._world.truth(tank.code)._asdict()}
                lines.write(msgspec.json.encode(truth) + b"\n")

    def _save(self) -> None:
        save(self._settings.state_file, Saved(self._world.snapshot(), self._ports))


async def _sleep_or_stop(sleep: Sleep, seconds: float, stop: asyncio.Event) -> None:
    """Sleep, or return as soon as `stop` is set."""
    waits = [asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
