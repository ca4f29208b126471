"""What the status services take and return."""

from __future__ import annotations

from typing import Any

import msgspec

from oxygen.ranges import Range
from oxygen.wire.payloads import Status


class StatusRow(msgspec.Struct, frozen=True):
    """One status as written.

    Attributes:
        id: Grows in the order in which rows become visible; the cursor of readers.
        shard: Whose ingest wrote it.
        late: From history that arrived late: not current, never a reason to page anybody.
        written_us: Server time of writing.
        status: The state itself.
    """

    id: int
    shard: str
    late: bool
    written_us: int
    status: Status


class Refill(msgspec.Struct, frozen=True):
    """One delivery as the balance saw it; `sd_kg` is the standard deviation of `mass_kg`, if known."""

    start_us: int
    end_us: int
    mass_kg: float
    sd_kg: float | None = None


class TankDay(msgspec.Struct, frozen=True):
    """A tank's figures of one local day; a figure that is not known is None, never 0.

    Attributes:
        subject, local_date: `tank:ID` and the local day as YYYY-MM-DD.
        opening_kg, closing_kg: Contents at the first and last good reading of the day's bounds.
        minimum_kg: Least contents of the day.
        refilled_kg, refills: Sum and list of the deliveries; an empty list says that there were none.
        consumed_kg, consumed_sd_kg: Drawn by the wards, with its standard deviation.
        coverage: Share of expected samples that came with good quality, 0…1.
        from_us, to_us: First and last reading used.
        revision, updated_us: Count of changes to the row, and when the last one was.
    """

    subject: str
    local_date: str
    facility: str
    opening_kg: float | None = None
    closing_kg: float | None = None
    minimum_kg: float | None = None
    refilled_kg: float | None = None
    consumed_kg: float | None = None
    consumed_sd_kg: float | None = None
    refills: tuple[Refill, ...] | None = None
    coverage: float | None = None
    expected_samples: int | None = None
    good_samples: int | None = None
    from_us: int | None = None
    to_us: int | None = None
    revision: int = 0
    updated_us: int = 0


class EpochLedger(msgspec.Struct, frozen=True):
    """Which samples of a gateway's epoch ingest holds, and when the last one arrived."""

    gateway: str
    epoch: str
    ranges: tuple[Range, ...]
    last_us: int


class DeadLetter(msgspec.Struct, frozen=True):
    """Samples, or a whole message, that could not be accepted.

    Attributes:
        epoch, first_seq, last_seq: The run that is meant; all None for a message that could not be read.
        reason, params: Code and values of the error.
        body: What arrived, as text; capped, and stripped of what a database cannot hold.
        resolved_us: When a person dealt with it, or None.
    """

    gateway: str
    received_us: int
    reason: str
    params: dict[str, Any] = {}
    body: str = ""
    epoch: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    resolved_us: int | None = None
    id: int = 0


class DeclaredGap(msgspec.Struct, frozen=True):
    """A run that a gateway declared missing, with `count` samples in it."""

    gateway: str
    epoch: str
    first_seq: int
    last_seq: int
    reason: str
    count: int
    received_us: int


class Checkpoint(msgspec.Struct, frozen=True):
    """A subject's engine state after every sample up to `at_us`."""

    subject: str
    at_us: int
    body: bytes
