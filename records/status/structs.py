"""What the status services take and return.

`lease_token` is set by the services, from the lease that the transaction writes under.
"""

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
        lease_token: Of the lease it was written under; 0 without one.
    """

    id: int
    shard: str
    late: bool
    written_us: int
    status: Status
    lease_token: int = 0


class EpochLedger(msgspec.Struct, frozen=True):
    """Which samples of a gateway's epoch ingest holds, and when the last one arrived."""

    gateway: str
    epoch: str
    ranges: tuple[Range, ...]
    last_us: int
    lease_token: int = 0


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
    lease_token: int = 0
