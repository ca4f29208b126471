"""Modbus TCP by pymodbus, with a length check and a decoder of our own.

Only functions 1 to 4 are ever sent: the project never writes to an instrument.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException, ModbusIOException
from pymodbus.pdu import ModbusPDU

from edge_agent.decoder import PointValue, decode
from edge_agent.planner import Block, plan_blocks, split
from edge_agent.settings import BusConfig
from edge_agent.source import Unit, UnitReading
from oxygen.devices import Point
from oxygen.reading import Reason

_ILLEGAL_ADDRESS = 2
_GATEWAY_GOT_NO_ANSWER = (10, 11)
_BIT_FUNCTIONS = (1, 2)

# It reports every unanswered request as an error; the poll loop says once that an instrument fell silent.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class ModbusTcpBus:
    """One TCP connection to a module or to a gateway with several units; see `BusSource`."""

    def __init__(self, config: BusConfig) -> None:
        """Prepare; nothing is connected before the first read."""
        self._config = config
        self._client: AsyncModbusTcpClient | None = None
        self._plans: dict[int, list[Block]] = {}

    async def read(self, unit: Unit) -> UnitReading:
        """Read all points of a unit; see `BusSource.read`."""
        plan = self._plans.setdefault(unit.number, plan_blocks(unit.points, unit.profile))
        values: dict[str, PointValue] = {}
        errors: list[str] = []
        waiting = list(plan)
        while waiting:
            block = waiting.pop(0)
            try:
                client = await self._connected()
                response = await _request(client, block, unit.number)
            except (ModbusException, OSError, TimeoutError) as error:
                await self.close()
                errors.append(str(error) or type(error).__name__)
                _fill(values, (block, *waiting), Reason.NO_ANSWER)
                break
            parts = split(block, unit.profile) if _refuses_address(response) else []
            if parts:
                waiting[:0] = parts
                self._plans[unit.number] = _with_parts(self._plans[unit.number], block, parts)
                continue
            errors.extend(_take(response, block, unit, values))
        return UnitReading(values, "; ".join(errors))

    async def close(self) -> None:
        """Close the connection; a late answer can then never be taken for the answer to another request."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        config = self._config
        await self.close()
        self._client = AsyncModbusTcpClient(
            config.host, port=config.port, timeout=config.timeout_s, retries=0, reconnect_delay=0
        )
        if not await self._client.connect():
            raise ModbusIOException(f"no connection to {config.host}:{config.port}")
        return self._client


async def _request(client: AsyncModbusTcpClient, block: Block, unit: int) -> ModbusPDU:
    readers: dict[int, Callable[..., Awaitable[ModbusPDU]]] = {
        1: client.read_coils,
        2: client.read_discrete_inputs,
        3: client.read_holding_registers,
        4: client.read_input_registers,
    }
    return await readers[block.function](block.first, count=block.length, device_id=unit)


def _refuses_address(response: ModbusPDU) -> bool:
    return response.isError() and response.exception_code == _ILLEGAL_ADDRESS


def _with_parts(plan: list[Block], block: Block, parts: list[Block]) -> list[Block]:
    """Return the plan with a refused block split for good; every point is still asked for in every cycle."""
    return [part for entry in plan for part in (parts if entry == block else [entry])]


def _take(response: ModbusPDU, block: Block, unit: Unit, values: dict[str, PointValue]) -> list[str]:
    """Put the points of an answered block into `values`; return what was wrong with the answer."""
    place = f"unit {unit.number} function {block.function} address {block.first} count {block.length}"
    if response.isError():
        silent = response.exception_code in _GATEWAY_GOT_NO_ANSWER
        _fill(values, (block,), Reason.NO_ANSWER if silent else Reason.EXCEPTION_ANSWER)
        return [f"{place}: exception {response.exception_code}"]
    words = _words(response, block)
    if words is None:
        _fill(values, (block,), Reason.BAD_ANSWER)
        return [f"{place}: answer of another function or length"]
    for point in block.points:
        offset = unit.profile.wire_address(point) - block.first
        part = words[offset : offset + point.register_count]
        values[point.name] = decode(part, point, unit.profile.byte_order)
    return []


def _words(response: ModbusPDU, block: Block) -> list[int] | None:
    """Return exactly the words asked for, or None when the answer belongs to another question."""
    if response.function_code != block.function:
        return None
    if block.function in _BIT_FUNCTIONS:
        # Bits come in whole bytes.
        whole = -(-block.length // 8) * 8
        return [int(bit) for bit in response.bits[: block.length]] if len(response.bits) == whole else None
    return list(response.registers) if len(response.registers) == block.length else None


def _fill(values: dict[str, PointValue], blocks: Iterable[Block], reason: Reason) -> None:
    points: Iterable[Point] = (point for block in blocks for point in block.points)
    for point in points:
        values[point.name] = PointValue(None, reason)
