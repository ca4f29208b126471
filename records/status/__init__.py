"""What ingest writes: derived state, daily figures, and the ledger of what arrived."""

from __future__ import annotations

from policy.daily_figures import Refill, TankDay
from records.status.days import put_tank_days, tank_days
from records.status.ledger import (
    BODY_LIMIT,
    add_dead_letters,
    add_gaps,
    checkpoints,
    dead_letters,
    delete_checkpoints_from,
    gaps,
    latest_checkpoint,
    latest_checkpoints,
    ledgers,
    prune_checkpoints,
    put_checkpoint,
    put_checkpoints,
    put_ledger,
    resolve_dead_letters,
)
from records.status.services import (
    append_statuses,
    latest_status,
    latest_statuses,
    newest_status_id,
    prune_statuses,
    statuses_after,
)
from records.status.structs import (
    Checkpoint,
    DeadLetter,
    DeclaredGap,
    EpochLedger,
    StatusRow,
)

__all__ = [
    "BODY_LIMIT",
    "Checkpoint",
    "DeadLetter",
    "DeclaredGap",
    "EpochLedger",
    "Refill",
    "StatusRow",
    "TankDay",
    "add_dead_letters",
    "add_gaps",
    "append_statuses",
    "checkpoints",
    "dead_letters",
    "delete_checkpoints_from",
    "gaps",
    "latest_checkpoint",
    "latest_checkpoints",
    "latest_status",
    "latest_statuses",
    "ledgers",
    "newest_status_id",
    "prune_checkpoints",
    "prune_statuses",
    "put_checkpoint",
    "put_checkpoints",
    "put_ledger",
    "put_tank_days",
    "resolve_dead_letters",
    "statuses_after",
    "tank_days",
]
