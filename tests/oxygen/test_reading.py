"""Qualities and their order."""

from __future__ import annotations

from itertools import pairwise, permutations

from oxygen.reading import Quality, worst


def test_the_worst_quality_wins_in_any_order() -> None:
    ladder = [Quality.GOOD, Quality.MANUAL, Quality.UNCERTAIN, Quality.TEST, Quality.BAD]

    for better, worse in pairwise(ladder):
        assert {worst(*pair) for pair in permutations([better, worse])} == {worse}
    assert {worst(*order) for order in permutations(ladder)} == {Quality.BAD}


def test_nothing_to_judge_is_good() -> None:
    assert worst() is Quality.GOOD
