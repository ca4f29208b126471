"""Modbus TCP servers that answer from the simulated world, one a module; nothing can be written to them.

Registers are worked out when somebody reads them, and once per moment of the world, so a module that nobody
asks costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from oxygen.errors import Retryable

ReadImage = Callable[[], Mapping[tuple[int, int], int]]
"""Returns (function, address on the wire) -> word, as of now; the set of addresses never changes."""

_HOLDING, _INPUT = 3, 4


class ModuleServer:
    """One module on the network.

    `start` once, `stop` once; between them every request is answered from `read_image`, in the loop that
    started the server. While `is_silent` says so, answers are swallowed and the client's time-out runs.
    """

    def __init__(
        self, host: str, port: int, unit: int, read_image: ReadImage, is_silent: Callable[[], bool]
    ) -> None:
        """Keep where to listen (port 0 takes the kernel's choice) and what to answer."""
        self._host = host
        self._port = port
        self._unit = unit
        self._read_image = read_image
        self._is_silent = is_silent
        self._server: ModbusTcpServer | None = None

    @property
    def port(self) -> int:
        """Port it listens on; 0 before `start` when the kernel chooses."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises Retryable when the port cannot be had."""
        image = self._read_image()
        device = SimDevice(
            id=self._unit,
            simdata=(
                [SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)],
                [SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)],
                _blocks(image, _HOLDING),
                _blocks(image, _INPUT),
            ),
            action=self._answer,
        )
        server = ModbusTcpServer([device], address=(self._host, self._port), trace_packet=self._passed)
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise Retryable(
                f"cannot listen on {self._host}:{self._port}", code="cannot_listen", port=self._port
            ) from error
        self._server = server
        self._port = _port_of(server)

    async def stop(self) -> None:
        """Close the listening socket and every connection; safe without `start`."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus leaves it bare
            self._server = None

    async def _answer(
        self,
        function: int,
        start_address: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Bring the asked registers up to date; called by the server before it answers."""
        if values is not None or function not in (_HOLDING, _INPUT):
            return ExcCodes.ILLEGAL_FUNCTION
        image = self._read_image()
        for place in range(address, address + count):
            word = image.get((function, place))
            if word is not None:
                registers[place - start_address] = word
        return None

    def _passed(self, sending: bool, data: bytes) -> bytes:
        """Let a packet through; of an answer nothing leaves while the module is silent."""
        return b"" if sending and self._is_silent() else data


def _blocks(image: Mapping[tuple[int, int], int], function: int) -> list[SimData]:
    """Return one block per run of addresses, so that the gaps answer "illegal address" as the module does."""
    addresses = sorted(address for known, address in image if known == function)
    blocks: list[SimData] = []
    run: list[int] = []
    for address in addresses:
        if run and address != run[-1] + 1:
            blocks.append(_block(run))
            run = []
        run.append(address)
    if run:
        blocks.append(_block(run))
    return blocks or [SimData(0, datatype=DataType.INVALID)]


def _block(addresses: list[int]) -> SimData:
    zeros = [0] * len(addresses)
    return SimData(addresses[0], values=zeros, datatype=DataType.REGISTERS, readonly=True)


def _port_of(server: ModbusTcpServer) -> int:
    listening = cast(asyncio.Server, server.transport)
    return int(listening.sockets[0].getsockname()[1])
