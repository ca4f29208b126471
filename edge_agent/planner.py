"""Which registers to ask for in one request. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from oxygen.devices import DeviceProfile, Point

MAX_REGISTERS = 125
MAX_BITS = 2000
_BIT_FUNCTIONS = (1, 2)


class Block(NamedTuple):
    """One request: consecutive registers and the points that lie in them.

    Attributes:
        function: Modbus function.
        first: Address on the wire.
        length: Registers or bits.
        points: In order of address, each wholly inside.
    """

    function: int
    first: int
    length: int
    points: tuple[Point, ...]


def plan_blocks(points: Iterable[Point], profile: DeviceProfile) -> list[Block]:
    """Return the fewest requests that read exactly the points' registers.

    Only touching or overlapping points share a request: a register between two points may not exist, and
    asking for it would cost both.
    """
    unique = {point.name: point for point in points}.values()
    ordered = sorted(unique, key=lambda point: (point.function, point.address, point.register_count))
    blocks: list[Block] = []
    for point in ordered:
        start = profile.wire_address(point)
        joined = _joined(blocks[-1], point, start) if blocks else None
        if joined is not None:
            blocks[-1] = joined
        else:
            blocks.append(Block(point.function, start, point.register_count, (point,)))
    return blocks


def split(block: Block, profile: DeviceProfile) -> list[Block]:
    """Return a refused block as two smaller ones; none when it holds a single point."""
    if len(block.points) < 2:
        return []
    middle = len(block.points) // 2
    return [
        part
        for points in (block.points[:middle], block.points[middle:])
        for part in plan_blocks(points, profile)
    ]


def _joined(block: Block, point: Point, start: int) -> Block | None:
    end = block.first + block.length
    length = max(end, start + point.register_count) - block.first
    limit = MAX_BITS if block.function in _BIT_FUNCTIONS else MAX_REGISTERS
    if point.function != block.function or start > end or length > limit:
        return None
    return Block(block.function, block.first, length, (*block.points, point))
