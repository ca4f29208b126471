"""The reorder window: what may come in any order, and what becomes a replay's work."""

from __future__ import annotations

from ingest.arrival import Arrival
from ingest.subject_engine import MOST_FOLDED_AGAIN, SubjectEngine
from oxygen.reading import Sample
from tests.oxygen.readings import MIDNIGHT, TANK, S, good, sample


def arrival(item: Sample) -> Arrival:
    return Arrival(item, "gw-a", "e1", history=False)


def run(first: int, count: int, every_us: int = S) -> list[Arrival]:
    return [
        arrival(sample(MIDNIGHT + seq * every_us, good(12_000.0), seq=seq))
        for seq in range(first, first + count)
    ]


def test_a_sample_out_of_order_changes_what_came_after_it() -> None:
    """Everything from its place on is worked out again, and nothing else."""
    engine = SubjectEngine("tank:a-1", TANK, None)
    first, second, third = run(1, 3)
    engine.feed([first, third], MIDNIGHT)

    worked = engine.feed([second], MIDNIGHT)

    assert [item.arrival for item in worked] == [second, third]
    assert engine.live.count == 3


def test_a_crowded_window_is_closed_and_disorder_left_to_a_replay() -> None:
    """Otherwise one gateway could keep the whole shard folding the same samples again and again."""
    engine = SubjectEngine("tank:a-1", TANK, None)
    crowd = run(2, MOST_FOLDED_AGAIN + 1, every_us=1000)
    engine.feed(crowd, MIDNIGHT)

    worked = engine.feed(run(1, 1, every_us=1000), MIDNIGHT)

    assert worked == []
    assert engine.is_dirty
    assert engine.live.count == len(crowd)
    assert engine.late_to_tell is not None
