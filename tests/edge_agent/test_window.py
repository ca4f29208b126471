"""What is sent when: the window, checked as a whole by a centre that loses, repeats and forgets."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edge_agent.settings import PublishSettings
from edge_agent.window import Batch, Window
from oxygen.ranges import RangeSet
from oxygen.wire.payloads import Lane

PATIENCE = PublishSettings(max_rows=10)


def window(last_seq: int = 0, *stored: tuple[int, int], batch_s: float = 10.0) -> Window:
    return Window(PATIENCE, batch_s, last_seq=last_seq, stored=RangeSet(stored))


def send(mine: Window, now_s: float) -> Batch:
    batch = mine.next(now_s)
    assert batch is not None
    mine.sent(batch, now_s)
    return batch


def see(mine: Window, now_s: float, *ranges: tuple[int, int]) -> list[tuple[int, int]]:
    return mine.acknowledged(ranges, [], now_s)


def test_live_rows_go_out_every_batch_interval() -> None:
    mine = window()
    assert mine.next(0.0) is None
    mine.committed(2)
    assert send(mine, 0.0) == Batch(1, 2, Lane.LIVE)
    see(mine, 0.1, (1, 2))
    mine.committed(4)
    assert mine.next(9.9) is None
    assert mine.next_due_s() == 10.0
    mine.committed(6)
    assert send(mine, 10.0) == Batch(3, 6, Lane.LIVE)


def test_with_an_interval_of_zero_every_commit_goes_out_at_once() -> None:
    mine = window(batch_s=0.0)
    for seq in range(1, 5):
        mine.committed(seq)
        assert send(mine, 1.0) == Batch(seq, seq, Lane.LIVE)


def test_no_more_than_four_unseen_batches_are_under_way() -> None:
    mine = window(batch_s=0.0)
    for seq in range(1, 10):
        mine.committed(seq)
        if batch := mine.next(1.0):
            mine.sent(batch, 1.0)
    assert mine.next(1.0) is None
    see(mine, 1.5, (2, 2))
    assert send(mine, 1.5) == Batch(5, 9, Lane.LIVE)
    assert mine.next(1.5) is None


def test_an_unseen_batch_is_repeated_after_three_seconds_then_ever_later_up_to_the_cap() -> None:
    mine = window()
    mine.committed(3)
    send(mine, 0.0)
    moments: list[float] = []
    while len(moments) < 6:
        due = mine.next_due_s()
        moments.append(due)
        assert send(mine, due) == Batch(1, 3, Lane.LIVE)
    waits = [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]
    assert waits == [3.0, 6.0, 12.0, 15.0, 15.0, 15.0]


def test_on_a_slow_line_patience_grows_with_what_the_line_takes() -> None:
    mine = window(batch_s=0.0)
    for seq in range(1, 12):
        mine.committed(seq)
        assert send(mine, seq * 100.0).last == seq
        mine.acknowledged([], [(1, seq)], seq * 100.0 + 8.0)
    mine.committed(20)
    send(mine, 5000.0)
    assert mine.next_due_s() > 5000.0 + 2 * 7.0


def test_a_broken_line_makes_everything_under_way_due_at_once() -> None:
    mine = window()
    mine.committed(3)
    send(mine, 0.0)
    assert mine.next(0.1) is None
    mine.reconnected()
    assert send(mine, 0.1) == Batch(1, 3, Lane.LIVE)


def test_only_the_unseen_part_of_a_batch_is_repeated() -> None:
    mine = window()
    mine.committed(9)
    send(mine, 0.0)
    see(mine, 0.5, (1, 3), (6, 9))
    assert send(mine, 3.0) == Batch(4, 5, Lane.LIVE)


def test_what_was_on_disk_at_the_start_is_history_and_live_rows_overtake_it() -> None:
    mine = window(1000, (1, 400))
    mine.committed(1002)
    assert send(mine, 0.0) == Batch(1001, 1002, Lane.LIVE)
    assert send(mine, 0.0) == Batch(401, 410, Lane.HISTORY)
    assert mine.next(0.0) is None, "one history batch at a time"


def test_after_a_pause_the_newest_rows_are_live_and_the_rest_is_history() -> None:
    mine = window()
    mine.committed(100)
    assert send(mine, 0.0) == Batch(91, 100, Lane.LIVE)
    assert send(mine, 0.0) == Batch(1, 10, Lane.HISTORY)


def test_history_rests_as_long_as_it_used_the_line() -> None:
    """With a share of one half, two seconds under way are followed by two seconds of rest."""
    mine = window(100)
    send(mine, 0.0)
    see(mine, 2.0, (1, 10))
    assert mine.next(3.9) is None
    assert mine.next_due_s() == 4.0
    assert send(mine, 4.0) == Batch(11, 20, Lane.HISTORY)


def test_seen_alone_frees_nothing_and_is_doubted_after_thirty_seconds() -> None:
    mine = window()
    mine.committed(5)
    send(mine, 0.0)
    assert see(mine, 1.0, (1, 5)) == []
    assert mine.stored.count() == 0
    assert mine.next(30.9) is None
    assert mine.next_due_s() == 31.0
    assert send(mine, 31.0) == Batch(1, 5, Lane.HISTORY)
    see(mine, 31.1, (1, 5))
    assert mine.next(31.1 + 59.0) is None, "each doubt waits twice as long"
    assert send(mine, 31.1 + 60.0) == Batch(1, 5, Lane.HISTORY)


def test_stored_alone_is_told_to_the_spool_once_and_never_doubted() -> None:
    mine = window()
    mine.committed(5)
    send(mine, 0.0)
    assert mine.acknowledged([(1, 5)], [(1, 3)], 1.0) == [(1, 3)]
    assert mine.acknowledged([(1, 5)], [(1, 4)], 1.5) == [(4, 4)]
    assert send(mine, 31.0) == Batch(5, 5, Lane.HISTORY)
    assert mine.acknowledged([], [(1, 5)], 32.0) == [(5, 5)]
    assert mine.next_due_s() == math.inf


def test_what_the_centre_asks_for_goes_out_again() -> None:
    mine = window(50, (1, 50))
    assert mine.next(0.0) is None
    mine.requested([(20, 22), (49, 80)])
    assert send(mine, 0.0) == Batch(20, 22, Lane.HISTORY)
    mine.acknowledged([], [(20, 22)], 0.0)
    assert send(mine, 0.0) == Batch(49, 50, Lane.HISTORY)


def test_numbers_never_given_are_not_believed() -> None:
    mine = window()
    mine.committed(2)
    assert mine.acknowledged([(1, 99)], [(-5, 0), (7, 9)], 0.0) == []
    mine.committed(9)
    assert mine.stored.count() == 0


class Centre:
    """Stands for ingest: validates what comes, stores some later, and may forget what it did not store."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.seen: set[int] = set()
        self.stored: set[int] = set()

    def receive(self, batch: Batch) -> None:
        self.seen |= set(range(batch.first, batch.last + 1))

    def store(self) -> None:
        self.stored |= {seq for seq in self.seen if self.dice.random() < 0.7}

    def restart(self) -> None:
        self.seen = set(self.stored)


def runs(numbers: set[int]) -> list[tuple[int, int]]:
    return list(RangeSet((number, number) for number in numbers))


@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.2, 0.6]), already=st.integers(0, 60))
@hypothesis_settings(max_examples=60, deadline=None)
def test_every_number_is_stored_in_the_end_whatever_gets_lost(seed: int, loss: float, already: int) -> None:
    """Messages and answers are lost both ways, the centre forgets and restarts; nothing is freed unstored."""
    dice = random.Random(seed)
    mine, centre = window(already), Centre(dice)
    freed: set[int] = set()
    committed, now_s = already, 0.0
    for step in range(4000):
        now_s += dice.choice([0.1, 0.5, 2.0])
        troubled = step < 300
        if troubled and dice.random() < 0.3:
            committed += dice.randint(1, 6)
            mine.committed(committed)
        if troubled and dice.random() < 0.02:
            centre.restart()
        if dice.random() < 0.05:
            mine.reconnected()
        while batch := mine.next(now_s):
            assert 1 <= batch.first <= batch.last <= committed
            assert not set(range(batch.first, batch.last + 1)) <= freed, "stored rows are not sent again"
            # What goes out may be cut to what one message takes.
            cut = Batch(batch.first, dice.randint(batch.first, batch.last), batch.lane)
            mine.sent(cut, now_s)
            if not troubled or dice.random() >= loss:
                centre.receive(cut)
        if dice.random() < 0.3:
            centre.store()
        if not troubled or dice.random() >= loss:
            for first, last in mine.acknowledged(runs(centre.seen), runs(centre.stored), now_s):
                fresh = set(range(first, last + 1))
                assert fresh <= centre.stored, "only what is stored is freed"
                assert not fresh & freed, "told once"
                freed |= fresh
        if not troubled and len(freed) == committed:
            break
    assert freed == set(range(1, committed + 1))
    assert mine.next(now_s + 1000.0) is None


@pytest.mark.parametrize("rows", [1, 10])
def test_a_batch_cut_to_the_brokers_limit_goes_on_at_once(rows: int) -> None:
    mine = window()
    mine.committed(10)
    sent = []
    while batch := mine.next(0.0):
        cut = Batch(batch.first, min(batch.last, batch.first + rows - 1), batch.lane)
        mine.sent(cut, 0.0)
        see(mine, 0.0, (cut.first, cut.last))
        sent.append((cut.first, cut.last, cut.lane))
    assert len(sent) == 10 // rows
    assert {lane for _, _, lane in sent} == {Lane.LIVE}
