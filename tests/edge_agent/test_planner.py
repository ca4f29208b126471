"""Requests read exactly the registers of the points, in as few questions as are safe."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.planner import MAX_REGISTERS, Block, plan_blocks, split
from oxygen import devices
from oxygen.devices import REGISTERS_PER_TYPE, Point

PROFILE = devices.load("moxa-iologik-e1240")


def point(name: str, function: int, address: int, kind: str) -> Point:
    rest: dict[str, object] = {"unit": "", "saturates_low": None, "saturates_high": None, "status": ""}
    fields = {
        "name": name,
        "function": function,
        "address": address,
        "type": kind,
        "scale": 1.0,
        "offset": 0.0,
    }
    return msgspec.convert({**fields, **rest, "status_codes": {}}, Point)


@st.composite
def point_lists(draw: st.DrawFn) -> list[Point]:
    places = draw(
        st.lists(
            st.tuples(st.sampled_from([3, 4]), st.integers(0, 300), st.sampled_from(["u16", "f32"])),
            max_size=60,
        )
    )
    return [point(f"p{index}", *place) for index, place in enumerate(places)]


def covered(blocks: list[Block]) -> set[tuple[int, int]]:
    return {(block.function, block.first + offset) for block in blocks for offset in range(block.length)}


def needed(points: list[Point]) -> set[tuple[int, int]]:
    return {(p.function, p.address + offset) for p in points for offset in range(REGISTERS_PER_TYPE[p.type])}


@given(point_lists())
def test_exactly_the_points_registers_are_asked_for(points: list[Point]) -> None:
    blocks = plan_blocks(points, PROFILE)
    assert covered(blocks) == needed(points)
    assert sorted(p.name for block in blocks for p in block.points) == sorted(p.name for p in points)
    for block in blocks:
        assert 1 <= block.length <= MAX_REGISTERS
        assert covered([block]) == needed(list(block.points))


@given(point_lists())
def test_a_split_block_asks_for_the_same_points(points: list[Point]) -> None:
    for block in plan_blocks(points, PROFILE):
        parts = split(block, PROFILE)
        if len(block.points) == 1:
            assert parts == []
        else:
            assert sorted(p.name for part in parts for p in part.points) == sorted(
                p.name for p in block.points
            )
            assert max(len(part.points) for part in parts) < len(block.points)


def test_eight_channels_of_a_module_take_two_requests() -> None:
    points = [p for p in PROFILE.points if p.function == 4 and ("_ma" in p.name or "_status" in p.name)]
    currents = [p for p in points if "count" not in p.name]
    assert [(b.function, b.first, b.length) for b in plan_blocks(currents, PROFILE)] == [
        (4, 8, 16),
        (4, 60, 8),
    ]


def test_a_run_longer_than_a_request_may_be_is_cut() -> None:
    points = [point(f"p{n}", 3, 2 * n, "f32") for n in range(100)]
    assert [(b.first, b.length) for b in plan_blocks(points, PROFILE)] == [(0, 124), (124, 76)]
