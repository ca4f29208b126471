"""A sample on its way through ingest: dated, attributed to an epoch, and ordered."""

from __future__ import annotations

from typing import NamedTuple

from oxygen.engine import OrderKey
from oxygen.reading import Sample


class Arrival(NamedTuple):
    """One accepted sample.

    Attributes:
        sample: With its time fixed.
        gateway, epoch: Whose count its `seq` belongs to.
        history: It entered as backfill or after the fact: it is worked out, but nobody is woken by it.
    """

    sample: Sample
    gateway: str
    epoch: str
    history: bool

    @property
    def key(self) -> OrderKey:
        """What arrivals of one subject are sorted by."""
        return (self.t_us, self.epoch, self.sample.seq)

    @property
    def t_us(self) -> int:
        """Time of the reading; always there, undated samples never become arrivals."""
        assert self.sample.t_us is not None
        return self.sample.t_us


class Letter(NamedTuple):
    """A run of samples, or a whole message, that cannot be taken; it is kept with the reason.

    Attributes:
        gateway: Who sent it, as the topic says.
        epoch, first, last: What it covers; all None when the message could not be read.
        reason: Code under `dead_letter` in the message catalogues.
        params: For the text.
        body: What was received, cut to a bounded length.
    """

    gateway: str
    epoch: str | None
    first: int | None
    last: int | None
    reason: str
    params: dict[str, str]
    body: str
