"""The simulator as a running program: serving, telling the truth, surviving kills, stopping cleanly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from pymodbus.client import AsyncModbusTcpClient

from firmware_sim import service
from firmware_sim.scenario_file import load
from firmware_sim.world import World
from oxygen.errors import BadConfiguration

WORLD = """\
seed = 3

[[gateways]]
code = "gw-a"
facility = "bv-a"
line = {}

[[systems]]
code = "a-main"
demand_kg_per_h = 50.0

[[tanks]]
code = "a-1"
gateway = "gw-a"
system = "a-main"
dp_channel = 0
pressure_channel = 1
orientation = "vertical"
inner_diameter_m = 2.1
cylinder_length_m = 5.1
working_pressure_bar = 9.0
start_fill_percent = 60.0
dp_at_20_ma_mbar = 750.0

[[events]]
kind = "network_cut"
gateway = "gw-a"
at_s = 1000
until_s = 2000

[[events]]
kind = "network_half_open"
gateway = "gw-a"
at_s = 3000
until_s = 4000

[[events]]
kind = "run_down"
tank = "a-1"
at_s = 100
to_fill_percent = 40.0
over_s = 800
"""
START_US = 1_763_701_200_000_000
PATIENCE_S = 20.0


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us

    def move(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)


@pytest.fixture
async def centre() -> AsyncIterator[tuple[str, int]]:
    """A broker's stand-in that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield "127.0.0.1", server.sockets[0].getsockname()[1]
    server.close()


def settings_in(folder: Path, line_target: tuple[str, int] | None) -> service.Settings:
    scenario = folder / "world.toml"
    if not scenario.exists():
        scenario.write_text(WORLD, encoding="utf-8")
    return service.Settings(
        scenario=scenario,
        state_file=folder / "state.json",
        ready_file=folder / "ready.json",
        truth_file=folder / "truth.jsonl",
        truth_every_s=300.0,
        line_target=line_target,
        tick_s=0.01,
        save_every_s=0.0,
    )


@asynccontextmanager
async def running(settings: service.Settings, clock: HandClock) -> AsyncIterator[service.Ready]:
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(settings, clock, asyncio.sleep, stop))
    try:
        await eventually(lambda: settings.ready_file.exists() or task.done())
        if task.done():
            task.result()
        yield msgspec.json.decode(settings.ready_file.read_bytes(), type=service.Ready)
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


async def caught_up(settings: service.Settings, clock: HandClock) -> None:
    """Wait until the world stands at the clock; the state is saved last in every tick."""

    def at_the_clock() -> bool:
        saved = service.saved_in(settings.state_file)
        return saved is not None and saved.world["now_us"] == clock.now_us

    await eventually(at_the_clock)


async def level_ma(endpoint: service.Endpoint) -> float:
    client = AsyncModbusTcpClient(endpoint.host, port=endpoint.port, timeout=5, retries=0)
    assert await client.connect()
    answer = await client.read_input_registers(8, count=2, device_id=endpoint.unit)
    client.close()
    return float(struct.unpack(">f", struct.pack(">HH", *answer.registers))[0])


async def line_answers(endpoint: service.Endpoint) -> str:
    try:
        reader, writer = await asyncio.open_connection(endpoint.line_host, endpoint.line_port)
    except ConnectionRefusedError:
        return "refused"
    try:
        writer.write(b"x")
        return "up" if await asyncio.wait_for(reader.read(1), 0.3) == b"x" else "dropped"
    except TimeoutError:
        return "swallowed"
    finally:
        writer.close()


async def test_the_module_follows_the_clock(tmp_path: Path, centre: tuple[str, int]) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    async with running(settings, clock) as ready:
        gateway = ready.gateways["gw-a"]
        before = await level_ma(gateway)
        clock.move(1000)
        await caught_up(settings, clock)
        after = await level_ma(gateway)

    assert ready.pid == os.getpid()
    assert ready.live_start_us == START_US
    # A fifth of the fill is gone: 20 % of some 17 t over 3.46 m² weighs about 95 mbar, 2 mA of 750 mbar.
    assert before - after == pytest.approx(2.0, abs=0.3)


async def test_the_line_is_cut_and_left_half_open_by_the_story(
    tmp_path: Path, centre: tuple[str, int]
) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    seen = []
    async with running(settings, clock) as ready:
        for _ in range(5):
            seen.append(await line_answers(ready.gateways["gw-a"]))
            clock.move(1100 if len(seen) == 1 else 1000)
            await caught_up(settings, clock)

    assert seen == ["up", "refused", "up", "swallowed", "up"]


async def test_a_stopped_simulator_leaves_no_port_open_and_no_ready_file(
    tmp_path: Path, centre: tuple[str, int]
) -> None:
    settings = settings_in(tmp_path, centre)
    async with running(settings, HandClock()) as ready:
        gateway = ready.gateways["gw-a"]

    assert not settings.ready_file.exists()
    for port in (gateway.port, gateway.line_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_a_cancelled_simulator_cleans_up_as_well(tmp_path: Path, centre: tuple[str, int]) -> None:
    settings = settings_in(tmp_path, centre)
    task = asyncio.create_task(service.run(settings, HandClock(), asyncio.sleep, asyncio.Event()))
    await eventually(settings.ready_file.exists)
    port = msgspec.json.decode(settings.ready_file.read_bytes(), type=service.Ready).gateways["gw-a"].port
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not settings.ready_file.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_after_a_pause_the_tanks_have_gone_on_and_the_ports_are_the_same(
    tmp_path: Path, centre: tuple[str, int]
) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    async with running(settings, clock) as first:
        pass
    clock.move(1000)
    async with running(settings, clock) as second:
        await caught_up(settings, clock)
        level = await level_ma(second.gateways["gw-a"])

    straight = World(load(settings.scenario or ""), START_US)
    straight.advance(clock.now_us)
    assert second.gateways == first.gateways
    assert second.live_start_us == first.live_start_us
    assert level == pytest.approx(straight.currents_ma("gw-a")[0], abs=20 / 65535)


async def test_the_truth_is_written_line_by_line(tmp_path: Path, centre: tuple[str, int]) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    async with running(settings, clock):
        for _ in range(3):
            clock.move(301)
            await caught_up(settings, clock)
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]

    assert [line["tank"] for line in lines] == ["a-1"] * 4
    assert [line["t_us"] - START_US for line in lines] == [0, 301e6, 602e6, 903e6]
    assert lines[0]["fill_percent"] == pytest.approx(60.0)
    assert lines[3]["fill_percent"] == pytest.approx(40.0, abs=0.1)


async def test_a_clock_set_back_does_not_stop_the_world(tmp_path: Path, centre: tuple[str, int]) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    async with running(settings, clock) as ready:
        clock.move(500)
        await caught_up(settings, clock)
        level = await level_ma(ready.gateways["gw-a"])
        clock.move(-200)
        await asyncio.sleep(0.1)

        assert await level_ma(ready.gateways["gw-a"]) == level


@pytest.mark.parametrize("damage", [b"", b"{", b'{"world": {}}', b"\xff\xfe"])
async def test_a_damaged_state_begins_a_new_story(
    tmp_path: Path, centre: tuple[str, int], damage: bytes
) -> None:
    settings = settings_in(tmp_path, centre)
    settings.state_file.write_bytes(damage)
    async with running(settings, HandClock()) as ready:
        assert ready.live_start_us == START_US
        assert await level_ma(ready.gateways["gw-a"]) > 4.0


async def test_a_changed_scenario_begins_a_new_story(tmp_path: Path, centre: tuple[str, int]) -> None:
    settings, clock = settings_in(tmp_path, centre), HandClock()
    async with running(settings, clock):
        pass
    (tmp_path / "world.toml").write_text(WORLD.replace("seed = 3", "seed = 4"), encoding="utf-8")
    clock.move(100)
    async with running(settings, clock) as ready:
        assert ready.live_start_us == clock.now_us


async def test_a_line_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"gateways\.gw-a\.line\.target_port"):
        async with running(settings_in(tmp_path, None), HandClock()):
            pass


PROGRAM = """
import asyncio, signal, sys, time
from pathlib import Path
from firmware_sim import service

async def main(folder, port):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = service.Settings(
        scenario=folder / "world.toml", state_file=folder / "state.json", ready_file=folder / "ready.json",
        line_target=("127.0.0.1", port), tick_s=0.02, save_every_s=0.05,
    )
    await service.run(settings, lambda: time.time_ns() // 1000, asyncio.sleep, stop)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def started(folder: Path) -> tuple[subprocess.Popen[bytes], service.Ready]:
    ready_file = folder / "ready.json"
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), "9"])
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if ready_file.exists():
            ready = msgspec.json.decode(ready_file.read_bytes(), type=service.Ready)
            if ready.pid == process.pid:
                return process, ready
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"the simulator did not get ready, exit code {process.wait()}")


async def test_a_killed_simulator_goes_on_with_its_story_on_its_ports(tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(WORLD, encoding="utf-8")
    seen = []
    for _ in range(4):
        process, ready = started(tmp_path)
        try:
            assert await level_ma(ready.gateways["gw-a"]) > 4.0
            seen.append((ready.live_start_us, ready.gateways["gw-a"]))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    assert len(set(seen)) == 1


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(WORLD, encoding="utf-8")
    process, _ = started(tmp_path)
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=PATIENCE_S) == 0
    assert not (tmp_path / "ready.json").exists()
    assert service.saved_in(tmp_path / "state.json") is not None
