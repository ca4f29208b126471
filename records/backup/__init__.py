"""Backups of the records: a portable dump of every table, and what is known of the runs."""

from __future__ import annotations

from records.backup.dump import Piece, RecordsDump, open_dump
from records.backup.load import load_dump
from records.backup.runs import BackupRun, age_us, last_success, note_run, runs
from records.backup.shapes import DumpShape, TableShape

__all__ = [
    "BackupRun",
    "DumpShape",
    "Piece",
    "RecordsDump",
    "TableShape",
    "age_us",
    "last_success",
    "load_dump",
    "note_run",
    "open_dump",
    "runs",
]
