"""Work that programs ask of each other by rows."""

from __future__ import annotations

from records.work.services import (
    Work,
    claim_work,
    fail_work,
    finish_work,
    report_work,
    request_work,
    work_item,
)

__all__ = [
    "Work",
    "claim_work",
    "fail_work",
    "finish_work",
    "report_work",
    "request_work",
    "work_item",
]
