"""The audit: append-only."""

from __future__ import annotations

from records.audit.services import SYSTEM, AuditEntry, entries, record

__all__ = ["SYSTEM", "AuditEntry", "entries", "record"]
