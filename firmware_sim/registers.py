"""Values into Modbus words, the way a module's processor lays them out.

The agent has a decoder of its own; nothing of it is used here, so a wrong order shows as a wrong value.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from oxygen.devices import ByteOrder, DeviceProfile, Point

Words = Mapping[tuple[int, int], int]
"""(function, address on the wire) -> word."""

_PACKING = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f", "bit": ">H"}
_ORDER_OF_BYTES = {"ABCD": (0, 1, 2, 3), "CDAB": (2, 3, 0, 1), "BADC": (1, 0, 3, 2), "DCBA": (3, 2, 1, 0)}


def encode(raw: float, point_type: str, byte_order: ByteOrder) -> list[int]:
    """Return the one or two words of a raw value; whole numbers are rounded and held within their type.

    The order applies to 32-bit values alone: a single word travels high byte first, as Modbus says.
    """
    packing = _PACKING[point_type]
    if point_type == "f32":
        data = struct.pack(packing, raw)
    else:
        data = struct.pack(packing, _held(round(raw), point_type))
    if len(data) == 4:
        data = bytes(data[index] for index in _ORDER_OF_BYTES[byte_order])
    return [int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2)]


def place(words: dict[tuple[int, int], int], profile: DeviceProfile, point: Point, value: float) -> None:
    """Write an engineering value where the profile says, as the module would."""
    raw = (value - point.offset) / point.scale
    first = profile.wire_address(point)
    for index, word in enumerate(encode(raw, point.type, profile.byte_order)):
        words[point.function, first + index] = word


def _held(raw: int, point_type: str) -> int:
    bits = {"u16": 16, "i16": 16, "u32": 32, "i32": 32, "bit": 1}[point_type]
    low = -(1 << (bits - 1)) if point_type.startswith("i") else 0
    high = (1 << (bits - 1)) - 1 if point_type.startswith("i") else (1 << bits) - 1
    return min(max(raw, low), high)
