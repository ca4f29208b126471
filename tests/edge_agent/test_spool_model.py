"""Any sequence of what can happen to a spool agrees with a plain model of it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.spool import Gap, Spool
from oxygen.reading import Sample
from tests.edge_agent.agent_files import draft

RANGES = st.lists(
    st.tuples(st.integers(-3, 120), st.integers(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=4,
)
CAPS = (1 << 30, 72 * 1024)


class SpoolAndModel(RuleBasedStateMachine):
    """The model is a list of samples and a set of stored numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="oxywatch-spool-"))
        self.committed: list[Sample] = []
        self.stored: set[int] = set()
        self.max_bytes = CAPS[0]

    @initialize(cap=st.sampled_from(CAPS))
    def open(self, cap: int) -> None:
        self.max_bytes = cap
        self.spool = Spool(self.folder / "s.sqlite", max_bytes=cap)
        self.epoch = self.spool.epoch

    @rule(count=st.integers(1, 60), step_us=st.sampled_from([0, 1, 1_000_000]))
    def append(self, count: int, step_us: int) -> None:
        drafts = [draft(n, t_us=n * step_us) for n in range(count)]
        samples = self.spool.append(drafts)
        assert [sample.signals for sample in samples] == [entry.signals for entry in drafts]
        self.committed += samples

    @rule(ranges=RANGES)
    def mark(self, ranges: list[tuple[int, int]]) -> None:
        self.spool.mark_stored(ranges)
        self.stored |= self.numbers(ranges)

    @rule(ranges=RANGES)
    def reset(self, ranges: list[tuple[int, int]]) -> None:
        wanted = self.spool.reset_stored(ranges)
        assert {seq for first, last in wanted for seq in range(first, last + 1)} == self.numbers(ranges)
        self.stored -= self.numbers(ranges)

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool(self.folder / "s.sqlite", max_bytes=self.max_bytes)
        assert self.spool.epoch == self.epoch

    def numbers(self, ranges: list[tuple[int, int]]) -> set[int]:
        given = range(1, len(self.committed) + 1)
        return {seq for first, last in ranges for seq in range(max(first, 1), last + 1) if seq in given}

    @invariant()
    def numbers_have_no_holes(self) -> None:
        assert [sample.seq for sample in self.committed] == list(range(1, self.spool.last_seq + 1))

    @invariant()
    def instants_of_a_subject_are_unique(self) -> None:
        instants = [(sample.subject, sample.t_us) for sample in self.committed]
        if self.max_bytes == CAPS[0]:
            assert len(set(instants)) == len(instants)

    @invariant()
    def stored_is_what_was_marked(self) -> None:
        unstored = {seq for first, last in self.spool.unstored() for seq in range(first, last + 1)}
        assert unstored == set(range(1, self.spool.last_seq + 1)) - self.stored

    @invariant()
    def whatever_is_not_stored_can_be_sent_as_a_sample_or_a_declared_gap(self) -> None:
        for first, last in self.spool.unstored():
            at = first
            while at <= last:
                piece = self.spool.piece(at, last, 100)
                if isinstance(piece, Gap):
                    assert piece.first == at
                    assert piece.reason in {"thinned", "freed"}
                    assert self.max_bytes < CAPS[0], "nothing is given up while there is room"
                    at = piece.last + 1
                else:
                    expected = self.committed[at - 1 : at - 1 + len(piece.samples)]
                    assert piece.samples == expected
                    at += len(piece.samples)

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)


TestSpoolAndModel = SpoolAndModel.TestCase
TestSpoolAndModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
