"""The registry as files: template, dry run, import in one go, export of the same shape.

upload = await asyncio.to_thread(read_upload, "registry.xlsx", content)
async with database.read() as tx:
    plan = await plan_import(tx, upload)
async with database.write() as tx:
    await apply_import(tx, upload, actor=…, now_us=…, expected_registry_version=plan.registry_version)
"""

from __future__ import annotations

from records.registry.exchange.columns import SHEETS, Column, Sheet
from records.registry.exchange.files import Upload, read_upload, to_csv, to_xlsx
from records.registry.exchange.plan import (
    ImportPlan,
    RowChange,
    apply_import,
    export,
    plan_import,
    template,
)

__all__ = [
    "SHEETS",
    "Column",
    "ImportPlan",
    "RowChange",
    "Sheet",
    "Upload",
    "apply_import",
    "export",
    "plan_import",
    "read_upload",
    "template",
    "to_csv",
    "to_xlsx",
]
