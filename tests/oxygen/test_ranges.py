"""Range sets against Python's own sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxygen.ranges import Range, RangeSet

SPAN = st.tuples(st.integers(-5, 60), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
SPANS = st.lists(SPAN, max_size=25)


def numbers(spans: list[Range]) -> set[int]:
    return {number for first, last in spans for number in range(first, last + 1)}


@given(SPANS)
def test_holds_what_was_added_as_the_fewest_ascending_ranges(spans: list[Range]) -> None:
    held = RangeSet(spans)
    wanted = numbers(spans)

    assert numbers(list(held)) == wanted
    assert held.count() == len(wanted)
    assert all(number in held for number in wanted)
    firsts = [first for first, _ in held]
    # A range begins exactly where its predecessor is not in the set: none touch, none overlap.
    assert firsts == sorted(number for number in wanted if number - 1 not in wanted)


@given(SPANS, SPAN)
def test_tells_what_is_missing_and_what_is_there(spans: list[Range], asked: Range) -> None:
    held, wanted = RangeSet(spans), set(range(asked[0], asked[1] + 1))

    missing, there = held.missing(*asked), held.within(*asked)

    assert numbers(missing) == wanted - numbers(spans)
    assert numbers(there) == wanted & numbers(spans)
    assert missing == sorted(missing)
    assert there == sorted(there)


@given(SPANS, SPANS)
def test_a_copy_goes_its_own_way(spans: list[Range], more: list[Range]) -> None:
    held = RangeSet(spans)
    twin = held.copy()

    twin.update(more)

    assert numbers(list(held)) == numbers(spans)
    assert twin == RangeSet([*more, *spans])


@given(SPANS, st.integers(-10, 80))
def test_never_claims_a_number_that_was_not_added(spans: list[Range], number: int) -> None:
    assert (number in RangeSet(spans)) == (number in numbers(spans))


def test_a_range_of_two_to_the_53_costs_no_more_than_any_other() -> None:
    """A list of the ranges makes room for ranges, not for the numbers in them."""
    held = RangeSet([(1, 2**53)])

    assert list(held) == [(1, 2**53)]
    assert tuple(held) == ((1, 2**53),)
    assert held == held.copy()
    assert held.count() == 2**53


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"5\.\.4 runs backwards"):
        RangeSet().add(5, 4)


def test_one_number_is_a_range_of_its_own() -> None:
    held = RangeSet()
    held.add(7)

    assert list(held) == [(7, 7)]
    assert repr(held) == "RangeSet([(7, 7)])"
    assert held != [(7, 7)]
