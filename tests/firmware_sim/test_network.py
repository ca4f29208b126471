"""The hospital's line: forwarding, cut, half open, and back, with a real server behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from firmware_sim.network import Line, LineState

PATIENCE_S = 5.0


class Echo:
    """A TCP server that sends back what it gets and remembers it."""

    def __init__(self) -> None:
        self.received = b""
        self.connections = 0
        self.ended = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.received += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    server = Echo()
    yield server
    if server._server is not None:
        await server.stop()


@pytest.fixture
async def line(echo: Echo) -> AsyncIterator[Line]:
    made = Line("127.0.0.1", 0, "127.0.0.1", await echo.start())
    await made.start()
    yield made
    await made.stop()


async def connect(line: Line) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", line.port)


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), PATIENCE_S)


async def eventually(holds: object) -> None:
    for _ in range(500):
        if holds():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


async def is_dropped(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    except ConnectionError:
        return True


async def test_a_line_that_is_up_carries_every_byte_both_ways(line: Line, echo: Echo) -> None:
    reader, writer = await connect(line)
    data = bytes(range(256)) * 8192

    writer.write(data)
    writer.write_eof()
    back = await asyncio.wait_for(reader.read(), PATIENCE_S)

    assert back == data
    assert echo.received == data
    writer.close()
    await eventually(lambda: echo.ended == 1)


async def test_many_connections_do_not_mix(line: Line) -> None:
    links = [await connect(line) for _ in range(20)]
    answers = await asyncio.gather(
        *(answered(reader, writer, b"%d" % index * 100) for index, (reader, writer) in enumerate(links))
    )

    assert answers == [b"%d" % index * 100 for index in range(20)]
    for _, writer in links:
        writer.close()


async def test_a_cut_line_drops_who_is_there_and_refuses_who_comes(line: Line, echo: Echo) -> None:
    reader, writer = await connect(line)
    await answered(reader, writer, b"before")
    await line.set_state(LineState.CUT)

    assert await is_dropped(reader)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", line.port), timeout=PATIENCE_S)
    await eventually(lambda: echo.ended == 1)
    writer.close()


async def test_after_a_cut_the_same_port_leads_through_again(line: Line) -> None:
    port = line.port
    for _ in range(3):
        await line.set_state(LineState.CUT)
        await line.set_state(LineState.UP)
        reader, writer = await connect(line)

        assert await answered(reader, writer, b"hello") == b"hello"
        assert line.port == port
        writer.close()


async def test_nobody_else_gets_the_port_while_the_line_is_cut(line: Line) -> None:
    await line.set_state(LineState.CUT)

    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", line.port))


async def test_a_half_open_line_swallows_and_tells_nobody(line: Line, echo: Echo) -> None:
    reader, writer = await connect(line)
    await answered(reader, writer, b"before")
    await line.set_state(LineState.HALF_OPEN)

    writer.write(b"lost")
    await writer.drain()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)

    assert echo.received == b"before"
    assert echo.ended == 0
    writer.close()


async def test_a_connection_that_lost_bytes_is_reset_when_the_line_comes_back(line: Line, echo: Echo) -> None:
    reader, writer = await connect(line)
    await answered(reader, writer, b"before")
    await line.set_state(LineState.HALF_OPEN)
    writer.write(b"lost")
    await asyncio.sleep(0.1)
    await line.set_state(LineState.UP)

    assert await is_dropped(reader)
    await eventually(lambda: echo.ended == 1)
    assert echo.received == b"before"
    writer.close()


async def test_a_quiet_connection_outlives_a_half_open_line(line: Line) -> None:
    reader, writer = await connect(line)
    await answered(reader, writer, b"before")
    await line.set_state(LineState.HALF_OPEN)
    await asyncio.sleep(0.1)
    await line.set_state(LineState.UP)

    assert await answered(reader, writer, b"after") == b"after"
    writer.close()


async def test_who_connects_to_a_half_open_line_is_accepted_and_reaches_nobody(
    line: Line, echo: Echo
) -> None:
    await line.set_state(LineState.HALF_OPEN)
    reader, writer = await connect(line)
    writer.write(b"anyone?")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    assert echo.connections == 0

    await line.set_state(LineState.UP)

    assert await is_dropped(reader)
    writer.close()


async def test_a_line_whose_far_end_is_down_drops_the_caller(line: Line, echo: Echo) -> None:
    await echo.stop()
    reader, writer = await connect(line)

    assert await is_dropped(reader)
    writer.close()


async def test_stopping_ends_every_connection(echo: Echo) -> None:
    made = Line("127.0.0.1", 0, "127.0.0.1", await echo.start())
    await made.start()
    reader, writer = await connect(made)
    await answered(reader, writer, b"x")
    await made.stop()

    assert await is_dropped(reader)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", made.port), timeout=PATIENCE_S)
    writer.close()
