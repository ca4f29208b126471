"""The driver against a real Modbus server: what fails becomes a reason, never a number."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_agent.decoder import PointValue
from edge_agent.drivers.modbus_tcp import ModbusTcpBus
from edge_agent.settings import BusConfig
from edge_agent.source import Unit, units_of
from oxygen.reading import Reason
from tests.edge_agent.agent_files import config

PortMaker = Callable[[], int]


def block(address: int, *words: int) -> SimData:
    return SimData(address, values=list(words), datatype=DataType.REGISTERS)


def floats(*values: float) -> list[int]:
    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


CURRENTS = block(8, *floats(12.0, 8.0))
STATUSES = block(60, 0, 2)


@asynccontextmanager
async def module(port: int, *blocks: SimData, unit: int = 1) -> AsyncIterator[ModbusTcpServer]:
    server = ModbusTcpServer([SimDevice(id=unit, simdata=list(blocks))], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield server
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def bus(folder: Path, port: int) -> AsyncIterator[tuple[ModbusTcpBus, Unit]]:
    mine: BusConfig = msgspec.structs.replace(config(folder).buses[0], port=port)
    driver = ModbusTcpBus(mine)
    try:
        yield driver, units_of(mine.tanks)[0]
    finally:
        await driver.close()


def reasons(values: dict[str, PointValue]) -> dict[str, Reason]:
    return {name: value.reason for name, value in values.items()}


async def test_points_are_read_and_decoded(tmp_path: Path, free_port: PortMaker) -> None:
    port = free_port()
    async with module(port, CURRENTS, STATUSES), bus(tmp_path, port) as (driver, unit):
        reading = await driver.read(unit)
    assert reading.error == ""
    assert {name: value.value for name, value in reading.values.items()} == {
        "channel0_ma": 12.0,
        "channel1_ma": 8.0,
        "channel0_status": 0.0,
        "channel1_status": 2.0,
    }


async def test_one_illegal_block_is_split_and_the_rest_is_read(tmp_path: Path, free_port: PortMaker) -> None:
    """The module lacks channel 1: channel 0 must not suffer, now or in the next cycle."""
    port = free_port()
    async with module(port, block(8, *floats(12.0)), STATUSES), bus(tmp_path, port) as (driver, unit):
        for _ in range(2):
            reading = await driver.read(unit)
            assert reading.values["channel0_ma"] == PointValue(12.0)
            assert reasons(reading.values)["channel1_ma"] is Reason.EXCEPTION_ANSWER
            assert reading.values["channel1_status"] == PointValue(2.0)
            assert reading.error.count("exception 2") == 1


async def test_a_point_that_was_refused_is_asked_for_again(tmp_path: Path, free_port: PortMaker) -> None:
    """A module that answered wrongly once, or was replaced, is read whole again."""
    port = free_port()
    async with bus(tmp_path, port) as (driver, unit):
        async with module(port, block(8, *floats(12.0)), STATUSES):
            assert (await driver.read(unit)).error
        async with module(port, CURRENTS, STATUSES):
            await driver.read(unit)  # finds the old connection closed
            reading = await driver.read(unit)
    assert reading.error == ""
    assert reading.values["channel1_ma"] == PointValue(8.0)


async def test_an_absent_module_answers_nothing_until_it_comes(tmp_path: Path, free_port: PortMaker) -> None:
    port = free_port()
    async with bus(tmp_path, port) as (driver, unit):
        reading = await driver.read(unit)
        assert set(reasons(reading.values).values()) == {Reason.NO_ANSWER}
        assert len(reading.values) == 4
        assert "no connection" in reading.error
        async with module(port, CURRENTS, STATUSES):
            assert (await driver.read(unit)).error == ""


async def test_a_silent_module_costs_one_time_out_for_all_its_points(
    tmp_path: Path, free_port: PortMaker
) -> None:
    """It accepts the connection and never answers."""
    port = free_port()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", port)
    async with server, bus(tmp_path, port) as (driver, unit):
        began = asyncio.get_running_loop().time()
        reading = await driver.read(unit)
        took_s = asyncio.get_running_loop().time() - began
    assert set(reasons(reading.values).values()) == {Reason.NO_ANSWER}
    assert took_s < 2 * 0.3


async def test_a_late_answer_is_never_taken_for_the_next_one(tmp_path: Path, free_port: PortMaker) -> None:
    """The first answer comes after the time-out; the second question must get its own."""
    port = free_port()
    asked: list[bytes] = []

    async def slow_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(256):
            asked.append(request)
            first = len(asked) == 1
            words = floats(3.0, 3.0) if first else (floats(12.0, 8.0) if request[9] == 8 else [0, 0])
            body = struct.pack(f">BBB{len(words)}H", 1, 4, 2 * len(words), *words)
            await asyncio.sleep(0.45 if first else 0)
            writer.write(request[:4] + struct.pack(">H", len(body)) + body)
        writer.close()

    server = await asyncio.start_server(slow_once, "127.0.0.1", port)
    async with server, bus(tmp_path, port) as (driver, unit):
        assert (await driver.read(unit)).values["channel0_ma"] == PointValue(None, Reason.NO_ANSWER)
        await asyncio.sleep(0.3)
        reading = await driver.read(unit)
    assert reading.values["channel0_ma"] == PointValue(12.0)


@pytest.mark.parametrize("words", [[0x4140], [0x4140, 0, 0x4100, 0, 0x4100, 0]])
async def test_an_answer_of_another_length_is_no_answer_to_this(
    tmp_path: Path, free_port: PortMaker, words: list[int]
) -> None:
    port = free_port()

    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(256):
            body = struct.pack(f">BBB{len(words)}H", 1, 4, 2 * len(words), *words)
            writer.write(request[:4] + struct.pack(">H", len(body)) + body)
        writer.close()

    server = await asyncio.start_server(wrong, "127.0.0.1", port)
    async with server, bus(tmp_path, port) as (driver, unit):
        reading = await driver.read(unit)
    assert reasons(reading.values)["channel0_ma"] is Reason.BAD_ANSWER
    assert "length" in reading.error


@pytest.mark.parametrize(("code", "reason"), [(4, Reason.EXCEPTION_ANSWER), (11, Reason.NO_ANSWER)])
async def test_an_exception_is_a_reason(
    tmp_path: Path, free_port: PortMaker, code: int, reason: Reason
) -> None:
    """Exception 11 is a gateway saying that the unit behind it is silent."""
    port = free_port()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(256):
            writer.write(request[:4] + struct.pack(">HBBB", 3, 1, 0x84, code))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", port)
    async with server, bus(tmp_path, port) as (driver, unit):
        reading = await driver.read(unit)
    assert set(reasons(reading.values).values()) == {reason}
    assert f"exception {code}" in reading.error
