"""Bringing a file into the registry: first a dry run that tells everything, then all of it in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from oxygen.errors import Rejected
from records.database import Transaction
from records.refusals import changed_meanwhile
from records.registry.conversions import record_step, steps
from records.registry.counting import registry_version, wait_for_turn
from records.registry.exchange.cells import cell_of
from records.registry.exchange.columns import SHEETS, Sheet
from records.registry.exchange.files import Upload
from records.registry.exchange.rows import Draft, Known, drafts
from records.registry.holdings import ConversionStep, VesselLot
from records.registry.services import TABLES, entries, put
from records.registry.structs import Facility, Gateway, Tank
from records.rows import RowProblem
from records.units.models import unit

Action = Literal["add", "change", "same"]
_UNTOLD = ("version", "recorded_us", "recorded_by", "id")
_IN_SCOPE = (
    "gateway",
    "supply_system",
    "tank",
    "bank",
    "sensor",
    "vessel_lot",
    "supply_link",
    "conversion_step",
)


class RowChange(msgspec.Struct, frozen=True):
    """What a row does: to which entry, and to which of its fields when it changes one."""

    sheet: str
    row: int
    key: str
    action: Action
    fields: tuple[str, ...] = ()


class ImportPlan(msgspec.Struct, frozen=True):
    """What a file would do, or did.

    Attributes:
        problems: With any of them nothing is stored.
        registry_version: Of the registry that the file was compared with; give it to `apply_import` so that
            nothing else is stored than what was shown.
    """

    changes: tuple[RowChange, ...]
    problems: tuple[RowProblem, ...]
    registry_version: int

    def count(self, action: Action) -> int:
        """Return how many rows do this."""
        return sum(1 for change in self.changes if change.action == action)


async def plan_import(
    tx: Transaction, upload: Upload, *, facilities: Collection[str] | None = None
) -> ImportPlan:
    """Return what a file would do; changes nothing.

    Args:
        facilities: Facilities that the caller may change; None for everything. Rows of others are problems.
    """
    plan, _ = await _compare(tx, upload, facilities)
    return plan


async def apply_import(
    tx: Transaction,
    upload: Upload,
    *,
    actor: str,
    now_us: int,
    expected_registry_version: int | None = None,
    facilities: Collection[str] | None = None,
) -> ImportPlan:
    """Store a file and return what it did; the same file again does nothing.

    Raises Rejected: `import_has_problems` when a row cannot be taken (nothing is stored then),
    `changed_meanwhile` when the registry is no longer the one that the dry run was shown for.
    """
    await wait_for_turn(tx)
    plan, found = await _compare(tx, upload, facilities)
    if expected_registry_version not in (None, plan.registry_version):
        raise changed_meanwhile("registry", plan.registry_version)
    if plan.problems:
        first = plan.problems[0]
        raise Rejected(
            f"{len(plan.problems)} values cannot be taken, the first in {first.sheet} row {first.row}",
            code="import_has_problems",
            count=len(plan.problems),
        )
    same = {(change.sheet, change.row) for change in plan.changes if change.action == "same"}
    for draft in _bodies_from_above(found):
        if (draft.sheet, draft.row) in same:
            continue
        if isinstance(draft.entry, ConversionStep):
            await record_step(tx, draft.entry, actor=actor, now_us=now_us)
        else:
            await put(tx, draft.entry, actor=actor, now_us=now_us)
    return plan


async def export(
    tx: Transaction, *, sheets: Collection[str] | None = None, facilities: Collection[str] | None = None
) -> list[tuple[Sheet, list[list[Any]]]]:
    """Return the registry as sheets of cells, for `to_xlsx` and `to_csv`; what is retired is left out.

    Args:
        sheets: Names of those that are wanted; None for all of them.
        facilities: Facilities that the caller may see; None for everything. With some, sheets of what belongs
            to no facility are empty.
    """
    return [
        (sheet, [_row(sheet, entry) for entry in await _visible(tx, sheet, facilities)])
        for name, sheet in SHEETS.items()
        if sheets is None or name in sheets
    ]


def template(names: Iterable[str] | None = None) -> list[tuple[Sheet, list[list[Any]]]]:
    """Return sheets without rows, for `to_xlsx` and `to_csv`; of some names or of all."""
    return [(SHEETS[name], []) for name in names or SHEETS]


async def _compare(
    tx: Transaction, upload: Upload, facilities: Collection[str] | None
) -> tuple[ImportPlan, list[Draft]]:
    known = await _known(tx, facilities)
    found, problems = drafts(upload, known)
    recorded = {_facts(step) for step in await steps(tx)}
    changes = tuple(_change(draft, recorded) for draft in found)
    return ImportPlan(changes, tuple(problems), await registry_version(tx)), found


async def _known(tx: Transaction, facilities: Collection[str] | None) -> Known:
    stored = {
        table.name: {entry.code: entry for entry in await entries(tx, shape, with_retired=True)}
        for shape, table in TABLES.items()
    }
    gateways: Iterable[Gateway] = stored["gateway"].values()
    return Known(
        entries=stored,
        units=frozenset(row["code"] for row in await tx.rows(select(unit.c.code))),
        with_gateways=frozenset(gateway.facility for gateway in gateways),
        facilities=None if facilities is None else frozenset(facilities),
    )


def _change(draft: Draft, recorded: Collection[bytes]) -> RowChange:
    entry, before = draft.entry, draft.before
    if isinstance(entry, ConversionStep):
        action: Action = "same" if _facts(entry) in recorded else "add"
        return RowChange(draft.sheet, draft.row, entry.subject, action)
    if before is None:
        return RowChange(draft.sheet, draft.row, entry.code, "add")
    names = (name for name in entry.__struct_fields__ if name not in _UNTOLD)
    fields = tuple(name for name in names if getattr(entry, name) != getattr(before, name))
    return RowChange(draft.sheet, draft.row, entry.code, "change" if fields else "same", fields)


def _facts(step: ConversionStep) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(step, recorded_us=0, recorded_by="", id=0))


def _bodies_from_above(found: Sequence[Draft]) -> list[Draft]:
    """Return the drafts in an order in which none refers to a body that is not stored yet."""
    above = {draft.entry.code: draft.entry.reports_to for draft in found if draft.sheet == "body"}

    def depth(draft: Draft) -> int:
        code, steps_up = getattr(draft.entry, "reports_to", None), 0
        while code in above and steps_up <= len(above):
            code, steps_up = above[code], steps_up + 1
        return steps_up

    bodies = sorted((draft for draft in found if draft.sheet == "body"), key=depth)
    return [*bodies, *(draft for draft in found if draft.sheet != "body")]


async def _visible(tx: Transaction, sheet: Sheet, facilities: Collection[str] | None) -> list[Any]:
    if sheet.shape is ConversionStep:
        found: list[Any] = list(await steps(tx))
        owners = await _owners(tx) if facilities is not None else {}
        return [step for step in found if facilities is None or owners.get(step.subject) in facilities]
    found = [*await entries(tx, sheet.shape)]
    if facilities is None:
        return found
    if sheet.shape is Facility:
        return [entry for entry in found if entry.code in facilities]
    return [entry for entry in found if sheet.name in _IN_SCOPE and entry.facility in facilities]


async def _owners(tx: Transaction) -> dict[str, str | None]:
    """Return the facility of every vessel that may have been converted, by subject."""
    tanks = await entries(tx, Tank, with_retired=True)
    lots = await entries(tx, VesselLot, with_retired=True)
    return {tank.subject: tank.facility for tank in tanks} | {lot.subject: lot.facility for lot in lots}


def _row(sheet: Sheet, entry: Any) -> list[Any]:
    return [cell_of(column, _value(entry, column.path)) for column in sheet.columns]


def _value(entry: Any, path: str) -> Any:
    field, _, key = path.partition(".")
    value = getattr(entry, field)
    return value.get(key) if key else value
