"""Which rows of a message are taken, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.validation import MOST_ROWS, Bounds, Context, judge
from oxygen.errors import Rejected
from oxygen.reading import Quality, Reason, Sample, Signal
from tests.ingest.messages import ADDRESS, batch, gap
from tests.oxygen.readings import DAY, MIDNIGHT, MINUTE, S, good, sample

NOW_US = MIDNIGHT + MINUTE


def context(*, history: bool = False) -> Context:
    owners = {"tank:a-1": "gw-a", "tank:b-1": "gw-b"}
    return Context(ADDRESS, owners, NOW_US, Bounds.of(300, 400), history)


def test_a_good_row_is_taken_as_it_is() -> None:
    """Nothing is changed in what a synchronised gateway sends."""
    sent = sample(MIDNIGHT, good(12_000.0), seq=7)

    verdict = judge(batch([sent]), context())

    assert [arrival.sample for arrival in verdict.accepted] == [sent]
    assert verdict.letters == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda: sample(MIDNIGHT, good(1.0), seq=2, subject="tank:nobody"), "unknown_subject"),
        (lambda: sample(MIDNIGHT, good(1.0), seq=2, subject="tank:b-1"), "other_gateway"),
        (lambda: sample(NOW_US + 301 * S, good(1.0), seq=2), "future"),
        (lambda: sample(NOW_US - 401 * DAY, good(1.0), seq=2), "too_old"),
        (lambda: sample(None, good(1.0), seq=2, boot="boot-0"), "order_only"),
        (lambda: sample(MIDNIGHT, {"dp_mbar": Signal(400.0)}, seq=2), "unknown_signal"),
    ],
)
def test_a_bad_row_is_written_down_and_its_neighbours_are_taken(
    spoil: Callable[[], Sample], reason: str
) -> None:
    """One letter with the row's own number and what was in it; the rest of the batch goes on."""
    rows = [
        sample(MIDNIGHT, good(12_000.0), seq=1),
        spoil(),
        sample(MIDNIGHT + S, good(12_000.0), seq=3),
    ]

    verdict = judge(batch(rows), context())

    assert [arrival.sample.seq for arrival in verdict.accepted] == [1, 3]
    (letter,) = verdict.letters
    assert (letter.first, letter.last, letter.reason) == (2, 2, reason)
    assert '"seq":2' in letter.body


def test_an_undated_row_of_the_present_boot_is_dated_by_its_age() -> None:
    """Read 90 s before it was sent; the reading says that its time is ours."""
    undated = sample(None, good(12_000.0), mono_us=10 * S)

    verdict = judge(batch([undated], sent_mono_us=100 * S), context())

    (arrival,) = verdict.accepted
    assert arrival.t_us == NOW_US - 90 * S
    assert {signal.reason for signal in arrival.sample.signals.values()} == {Reason.DATED_BY_SERVER}
    assert {signal.quality for signal in arrival.sample.signals.values()} == {Quality.UNCERTAIN}


def test_a_backfill_is_marked_as_history() -> None:
    """So that nobody is woken by it."""
    verdict = judge(batch([sample(MIDNIGHT, good(1.0))]), context(history=True))

    assert [arrival.history for arrival in verdict.accepted] == [True]


def test_a_gap_that_no_spool_could_hold_is_refused() -> None:
    """A declaration of 2**53 samples is nonsense, however well-formed."""
    with pytest.raises(Rejected) as caught:
        judge(gap(1, 2**53), context())

    assert caught.value.code == "gap_too_large"


def test_a_message_with_too_many_rows_is_refused_whole() -> None:
    """One gateway must not keep the shard busy with a single message."""
    rows = [sample(MIDNIGHT + index, good(12_000.0), seq=index + 1) for index in range(MOST_ROWS + 1)]

    with pytest.raises(Rejected) as caught:
        judge(batch(rows), context())

    assert caught.value.code == "too_many_rows"
