"""Late spans that wait for their replay, kept beside the checkpoints so that a kill does not forget them.

A span stands in the table of checkpoints under `late/SUBJECT`, at instant 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ingest.checkpoints import Checkpoint
from ingest.subject_engine import LateSpan
from records import status as status_records
from records.database import Transaction

_PREFIX = "late/"


class Saved(NamedTuple):
    """What the records hold of the engines.

    Attributes:
        checkpoints: The newest of each subject.
        late: Late spans that no finished replay has told of.
    """

    checkpoints: Mapping[str, Checkpoint]
    late: Mapping[str, LateSpan]


async def put_late(tx: Transaction, subject: str, span: LateSpan) -> None:
    """Keep a subject's late span in place of an earlier one."""
    body = msgspec.msgpack.encode(span)
    await status_records.put_checkpoint(tx, status_records.Checkpoint(_PREFIX + subject, 0, body))


async def forget_late(tx: Transaction, subject: str) -> None:
    """Remove a subject's late span; nothing happens when there is none."""
    await status_records.delete_checkpoints_from(tx, _PREFIX + subject, 0)


async def read_saved(tx: Transaction) -> Saved:
    """Return everything that `LedgerKeeper` saved of the engines."""
    checkpoints: dict[str, Checkpoint] = {}
    late: dict[str, LateSpan] = {}
    for subject, item in (await status_records.latest_checkpoints(tx)).items():
        if subject.startswith(_PREFIX):
            late[subject.removeprefix(_PREFIX)] = msgspec.msgpack.decode(item.body, type=LateSpan)
        else:
            checkpoints[subject] = Checkpoint(item.at_us, item.body)
    return Saved(checkpoints, late)
