"""The audit: append-only, sealed in blocks, searched and verified."""

from __future__ import annotations

from records.audit.sealing import (
    HEAD_TEMPLATE,
    ROWS_PER_BLOCK,
    Block,
    Tail,
    newest_block,
    overdue_tail,
    seal,
    sealed_rows,
    unsealed_tail,
)
from records.audit.search import Filter, Page, count, export, search
from records.audit.services import SYSTEM, AuditEntry, acting_from, entries, record
from records.audit.verification import Head, Problem, Verdict, verify

__all__ = [
    "HEAD_TEMPLATE",
    "ROWS_PER_BLOCK",
    "SYSTEM",
    "AuditEntry",
    "Block",
    "Filter",
    "Head",
    "Page",
    "Problem",
    "Tail",
    "Verdict",
    "acting_from",
    "count",
    "entries",
    "export",
    "newest_block",
    "overdue_tail",
    "record",
    "seal",
    "sealed_rows",
    "search",
    "unsealed_tail",
    "verify",
]
