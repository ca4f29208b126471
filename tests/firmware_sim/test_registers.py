"""Values into words: every profile's own examples, and the four orders of bytes by hand."""

from __future__ import annotations

import pytest

from firmware_sim.registers import encode, place
from oxygen import devices

PROFILES = devices.names()


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_encoded_as_its_golden_vectors_say(name: str) -> None:
    profile = devices.load(name)
    assert profile.golden
    for vector in profile.golden:
        words: dict[tuple[int, int], int] = {}
        for point_name, value in vector.expected.items():
            point = profile.point(point_name)
            assert point is not None
            place(words, profile, point, value)

        golden = vector.words()
        assert words == {address: golden[address] for address in words}, vector.note


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", [0x4148, 0x1234]),
        ("CDAB", [0x1234, 0x4148]),
        ("BADC", [0x4841, 0x3412]),
        ("DCBA", [0x3412, 0x4841]),
    ],
)
def test_the_four_orders_of_a_32_bit_value(order: devices.ByteOrder, words: list[int]) -> None:
    assert encode(0x41481234, "u32", order) == words


@pytest.mark.parametrize(
    ("value", "point_type", "words"),
    [
        (12.5, "f32", [0x4148, 0x0000]),
        (-1, "i16", [0xFFFF]),
        (-2, "i32", [0xFFFF, 0xFFFE]),
        (70_000, "u16", [0xFFFF]),
        (-3, "u16", [0x0000]),
        (99.6, "u16", [100]),
        (1, "bit", [1]),
    ],
)
def test_a_value_is_laid_out_by_its_type_and_held_within_it(
    value: float, point_type: str, words: list[int]
) -> None:
    assert encode(value, point_type, "ABCD") == words
