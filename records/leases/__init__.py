"""Shards and who may serve them: leases with fencing tokens, by the database's clock."""

from __future__ import annotations

from records.leases.holding import Claim, LeaseSettings, Time, Work, work_while_held
from records.leases.services import (
    EVERY_SHARD,
    Lease,
    LeaseLost,
    acquire,
    check,
    fenced,
    leases,
    release,
    renew,
    shards,
)

__all__ = [
    "EVERY_SHARD",
    "Claim",
    "Lease",
    "LeaseLost",
    "LeaseSettings",
    "Time",
    "Work",
    "acquire",
    "check",
    "fenced",
    "leases",
    "release",
    "renew",
    "shards",
    "work_while_held",
]
