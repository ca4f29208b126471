"""Registers to engineering values, by the profile's byte order.

Four orders are in use and no default is safe: makers are split about half and half.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oxygen.devices import DeviceProfile, Point
from oxygen.reading import Reason

_PLACES = {"ABCD": (0, 1, 2, 3), "CDAB": (2, 3, 0, 1), "BADC": (1, 0, 3, 2), "DCBA": (3, 2, 1, 0)}
_FORMATS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}

Words = Mapping[tuple[int, int], int]
"""(function, address on the wire) -> word, or 0/1 for a bit."""


class PointValue(NamedTuple):
    """One point as read: an engineering value, or None and the reason why there is none."""

    value: float | None
    reason: Reason = Reason.OK


def decode(words: Sequence[int], point: Point, byte_order: str) -> PointValue:
    """Return the engineering value of the words in the order in which they came.

    NaN and infinities, which instruments use to say that they know nothing, have no value.
    """
    if len(words) != point.register_count:
        return PointValue(None, Reason.BAD_ANSWER)
    if point.type == "bit":
        raw = float(words[0])
    else:
        data = struct.pack(f">{len(words)}H", *words)
        if len(data) == 4:
            data = bytes(data[place] for place in _PLACES[byte_order])
        raw = float(struct.unpack(_FORMATS[point.type], data)[0])
    value = raw * point.scale + point.offset
    return PointValue(value) if math.isfinite(value) else PointValue(None, Reason.NOT_A_NUMBER)


def decode_from(words: Words, point: Point, profile: DeviceProfile) -> PointValue:
    """Return a point's value out of an image of registers; NO_ANSWER when one of its registers is absent."""
    first = profile.wire_address(point)
    found = [words.get((point.function, first + offset)) for offset in range(point.register_count)]
    present = [word for word in found if word is not None]
    if len(present) != len(found):
        return PointValue(None, Reason.NO_ANSWER)
    return decode(present, point, profile.byte_order)
