"""Runs ingest with a planted bug: `python planted.py BUG --config FILE`.

A fault test is trusted only after it has failed for a system that really loses or doubles data.
"""

from __future__ import annotations

import sys
from typing import Any

from ingest.ledger import EpochLedger
from ingest.subject_engine import SubjectEngine
from oxywatch.cli import app


def ack_before_store() -> None:
    """Call every sample stored as soon as it is on its way into the store."""
    hold = EpochLedger.hold

    def hold_and_confirm(self: EpochLedger, seq: int) -> None:
        hold(self, seq)
        self.stored.add(seq)
        self.unsaved = True

    EpochLedger.hold = hold_and_confirm  # type: ignore[method-assign]


def engine_fed_twice() -> None:
    """Feed the engine again with every sample that comes a second time, as without any dedup."""
    feed = SubjectEngine.feed

    def feed_twice(self: SubjectEngine, arrivals: Any, received_us: int) -> Any:
        feed(self, arrivals, received_us)
        return feed(self, arrivals, received_us)

    SubjectEngine.feed = feed_twice  # type: ignore[method-assign]


BUGS = {"ack_before_store": ack_before_store, "engine_fed_twice": engine_fed_twice}

if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    sys.argv = ["oxywatch", "ingest", *sys.argv[2:]]
    app()
