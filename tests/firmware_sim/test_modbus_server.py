"""Modules over a real socket, read by a real client."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from functools import partial

import msgspec
import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from firmware_sim.modbus_server import ModuleServer
from firmware_sim.scenario import Event
from firmware_sim.world import World
from oxygen.errors import Retryable
from tests.firmware_sim.worlds import HORIZONTAL, NOON_US, VERTICAL, scenario, seconds

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


@pytest.fixture
def world() -> World:
    """Two tanks; the level wire of the first breaks after a minute, the module is silent from minute five."""
    events = (
        Event(kind="wire_break", tank="vertical-1", at_s=60.0, until_s=200.0),
        Event(kind="fail_high", tank="horizontal-1", signal="pressure", at_s=60.0, until_s=200.0),
        Event(kind="module_silent", gateway="gw-test", at_s=300.0, until_s=400.0),
    )
    return World(scenario(VERTICAL, HORIZONTAL, events=events), NOON_US)


@pytest.fixture
async def server(world: World) -> AsyncIterator[ModuleServer]:
    module = ModuleServer(
        "127.0.0.1",
        0,
        3,
        read_image=lambda: world.registers("gw-test"),
        is_silent=lambda: world.line_fault("gw-test", "module_silent"),
    )
    await module.start()
    yield module
    await module.stop()


@pytest.fixture
async def client(server: ModuleServer) -> AsyncIterator[AsyncModbusTcpClient]:
    connected = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=0.3, retries=0)
    assert await connected.connect()
    yield connected
    connected.close()


async def floats(client: AsyncModbusTcpClient, channels: int = 8) -> list[float]:
    answer = await client.read_input_registers(8, count=2 * channels, device_id=3)
    assert not answer.isError()
    words = answer.registers
    return [
        struct.unpack(">f", struct.pack(">HH", *words[2 * channel : 2 * channel + 2]))[0]
        for channel in range(channels)
    ]


async def test_a_client_reads_the_currents_of_the_world(world: World, client: AsyncModbusTcpClient) -> None:
    expected = world.currents_ma("gw-test")

    assert await floats(client) == pytest.approx(expected, abs=20 / 65535)
    assert 4.0 < expected[0] < 20.0
    assert expected[4:] == [0.0] * 4


async def test_registers_follow_the_world_as_it_moves_on(world: World, client: AsyncModbusTcpClient) -> None:
    healthy = await floats(client)
    world.advance(NOON_US + seconds(100))
    broken = await floats(client)
    status = await client.read_input_registers(60, count=8, device_id=3)
    world.advance(NOON_US + seconds(250))
    whole_again = await floats(client)

    assert healthy[0] > 4.0
    assert broken[0] == 0.0
    assert broken[3] == 20.0
    assert status.registers == [0, 0, 0, 2, 0, 0, 0, 0]
    assert whole_again[0] == pytest.approx(healthy[0], abs=0.01)


async def test_counts_and_modes_are_served_too(world: World, client: AsyncModbusTcpClient) -> None:
    counts = await client.read_input_registers(0, count=8, device_id=3)
    modes = await client.read_holding_registers(24, count=8, device_id=3)

    assert counts.registers[0] == round(world.currents_ma("gw-test")[0] / 20 * 65535)
    assert modes.registers == [2] * 8


@pytest.mark.parametrize(("address", "count"), [(24, 1), (20, 8), (59, 2), (68, 1), (1000, 1)])
async def test_a_gap_in_the_map_is_an_illegal_address(
    client: AsyncModbusTcpClient, address: int, count: int
) -> None:
    answer = await client.read_input_registers(address, count=count, device_id=3)

    assert answer.isError()
    assert answer.exception_code == ILLEGAL_ADDRESS


async def test_nothing_can_be_written(world: World, client: AsyncModbusTcpClient) -> None:
    answers = [
        await client.write_register(24, 4, device_id=3),
        await client.write_registers(24, [4, 4], device_id=3),
        await client.write_coil(0, True, device_id=3),
        await client.read_coils(0, count=1, device_id=3),
    ]
    modes = await client.read_holding_registers(24, count=8, device_id=3)

    assert all(answer.isError() for answer in answers)
    assert modes.registers == [2] * 8


async def test_a_silent_module_lets_the_client_wait_and_answers_afterwards(
    world: World, client: AsyncModbusTcpClient
) -> None:
    world.advance(NOON_US + seconds(310))
    with pytest.raises(ModbusIOException):
        await client.read_input_registers(8, count=2, device_id=3)

    world.advance(NOON_US + seconds(410))
    if not client.connected:
        assert await client.connect()

    assert (await floats(client))[0] > 4.0


async def test_a_taken_port_is_told_as_retryable(server: ModuleServer, world: World) -> None:
    second = ModuleServer(
        "127.0.0.1", server.port, 1, read_image=lambda: world.registers("gw-test"), is_silent=lambda: False
    )

    with pytest.raises(Retryable, match=str(server.port)):
        await second.start()
    await second.stop()


async def test_a_stopped_module_refuses_and_drops_its_clients(world: World) -> None:
    module = ModuleServer(
        "127.0.0.1", 0, 1, read_image=lambda: world.registers("gw-test"), is_silent=lambda: False
    )
    await module.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", module.port)
    writer.write(bytes.fromhex("0001 0000 0006 01 04 0008 0002"))
    await asyncio.wait_for(reader.readexactly(13), 5)
    await module.stop()

    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", module.port), timeout=5)


async def test_fifty_modules_with_two_hundred_tanks_answer_from_one_process() -> None:
    gateways, tanks = [], []
    one = scenario().gateways[0]
    for number in range(50):
        gateways.append(msgspec.structs.replace(one, code=f"gw-{number}"))
        tanks += [
            msgspec.structs.replace(
                VERTICAL,
                code=f"t-{number}-{place}",
                gateway=f"gw-{number}",
                dp_channel=2 * place,
                pressure_channel=2 * place + 1,
                start_fill_percent=20.0 + number + 5 * place,
            )
            for place in range(4)
        ]
    world = World(scenario(*tanks, gateways=tuple(gateways), demand_kg_per_h=9000.0), NOON_US)
    servers = [
        ModuleServer("127.0.0.1", 0, 1, read_image=partial(world.registers, gw.code), is_silent=lambda: False)
        for gw in gateways
    ]
    await asyncio.gather(*(server.start() for server in servers))
    try:
        answers = await asyncio.gather(*(_first_float(server.port) for server in servers))
    finally:
        await asyncio.gather(*(server.stop() for server in servers))

    assert answers == pytest.approx([world.currents_ma(gw.code)[0] for gw in gateways], abs=0.001)
    assert answers == sorted(answers)


async def _first_float(port: int) -> float:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)
    assert await client.connect()
    answer = await client.read_input_registers(8, count=2, device_id=1)
    client.close()
    return float(struct.unpack(">f", struct.pack(">HH", *answer.registers))[0])
