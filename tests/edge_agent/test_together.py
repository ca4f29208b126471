"""Parts end together, also those that miss a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.together import together


async def test_all_parts_end_when_the_stop_is_set() -> None:
    stop = asyncio.Event()
    ended: list[str] = []

    async def endless(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    asyncio.get_running_loop().call_later(0.05, stop.set)
    await asyncio.wait_for(together(stop, [endless("a"), endless("b")]), 5)
    assert sorted(ended) == ["a", "b"]


async def test_a_part_that_misses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge_agent.together._CANCEL_AGAIN_S", 0.02)
    missed = 0

    async def deaf() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                missed += 1
                if missed == 3:
                    raise

    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(together(stop, [deaf()]), 5)
    assert missed == 3


async def test_when_one_part_fails_the_others_end_and_its_error_is_raised() -> None:
    ended = asyncio.Event()

    async def failing() -> None:
        raise OSError("the line is cut")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ExceptionGroup) as caught:
        await together(asyncio.Event(), [endless(), failing()])
    assert [str(error) for error in caught.value.exceptions] == ["the line is cut"]
    assert ended.is_set()
