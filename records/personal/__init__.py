"""Personal data: encrypted with a key per person, found by blind indexes, erased with the key."""

from __future__ import annotations

from records.personal.checks import Finding, check_keys
from records.personal.indexes import find, put_index
from records.personal.rotation import Rotated, forget_master, rotate
from records.personal.sealing import is_sealed
from records.personal.services import (
    DAMAGED,
    ERASED,
    KEYS_MISSING,
    MASTER_MISSING,
    OK,
    REASONS,
    Opened,
    Sealed,
    erase,
    open_sealed,
    person_for,
    person_of,
    seal,
    view,
)
from records.personal.tombstones import Tombstone, erase_again, tombstones

__all__ = [
    "DAMAGED",
    "ERASED",
    "KEYS_MISSING",
    "MASTER_MISSING",
    "OK",
    "REASONS",
    "Finding",
    "Opened",
    "Rotated",
    "Sealed",
    "Tombstone",
    "check_keys",
    "erase",
    "erase_again",
    "find",
    "forget_master",
    "is_sealed",
    "open_sealed",
    "person_for",
    "person_of",
    "put_index",
    "rotate",
    "seal",
    "tombstones",
    "view",
]
