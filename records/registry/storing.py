"""Putting one entry of the registry by its code: versions, audit, and codes that are never used twice."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import Table, select, update

from oxygen.errors import Rejected
from records import audit
from records.database import Transaction
from records.refusals import changed_meanwhile, check_code, not_found
from records.registry.counting import bump_version


class Entry(Protocol):
    """What every entry has; all of them are frozen structs whose fields are their table's columns."""

    @property
    def code(self) -> str:
        """Never used twice."""

    @property
    def version(self) -> int:
        """Counts the changes."""

    @property
    def retired_us(self) -> int | None:
        """When it was taken out of use, or None."""


E = TypeVar("E", bound=Entry)


async def put_entry(
    tx: Transaction, table: Table, entry: E, actor: str, now_us: int, expected_version: int | None
) -> E:
    """Insert or update by code and return the entry as stored, its version raised.

    An entry equal to the stored one changes nothing, not even a version. With `expected_version` (0: must
    not exist yet) a change based on another version raises Rejected `changed_meanwhile`; an unknown facility,
    gateway or other reference raises Rejected `constraint`; the code of something retired `retired`.
    """
    check_code(f"{table.name}.code", entry.code)
    before = await find_entry(tx, table, type(entry), entry.code)
    stored = before.version if before else 0
    if before is not None and before.retired_us is not None:
        raise retired(table.name, entry.code)
    if before is not None and before == changed(entry, version=stored):
        return before
    if expected_version is not None and expected_version != stored:
        raise changed_meanwhile(table.name, entry.code)
    after = changed(entry, version=stored + 1, retired_us=None, retired_reason="")
    await replace_entry(tx, table, before, after, "registry.put", actor, now_us)
    return after


async def replace_entry(
    tx: Transaction,
    table: Table,
    before: E | None,
    after: E,
    action: str,
    actor: str,
    now_us: int,
    reason: str | None = None,
) -> None:
    """Store an entry over the one it was made from, raise the registry's version and audit both."""
    values = {column.name: getattr(after, column.name) for column in table.columns}
    if before is None:
        done = await tx.execute(tx.insert(table).values(values).on_conflict_do_nothing())
    else:
        current = (table.c.code == after.code) & (table.c.version == before.version)
        done = await tx.execute(update(table).where(current).values(values))
    if done.rowcount != 1:
        raise changed_meanwhile(table.name, after.code)
    await bump_version(tx)
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"{table.name}:{after.code}",
        before=None if before is None else msgspec.to_builtins(before),
        after=msgspec.to_builtins(after),
        reason=reason,
    )


async def find_entry(tx: Transaction, table: Table, shape: type[E], code: str) -> E | None:
    """Return an entry, retired or not, or None."""
    row = await tx.row(select(table).where(table.c.code == code))
    return shape(**row) if row else None


async def get_entry(tx: Transaction, table: Table, shape: type[E], code: str) -> E:
    """Return an entry, retired or not. Raises Rejected `not_found`."""
    entry = await find_entry(tx, table, shape, code)
    if entry is None:
        raise not_found(table.name, code)
    return entry


async def all_entries(
    tx: Transaction, table: Table, shape: type[E], *conditions: Any, with_retired: bool = False
) -> tuple[E, ...]:
    """Return the entries that meet every condition, ordered by code; the retired ones only when asked for."""
    query = select(table).where(*conditions).order_by(table.c.code)
    if not with_retired:
        query = query.where(table.c.retired_us.is_(None))
    return tuple(shape(**row) for row in await tx.rows(query))


def changed(entry: E, **values: Any) -> E:
    """Return a copy with other values."""
    copy: E = msgspec.structs.replace(entry, **values)  # type: ignore[type-var]
    return copy


def retired(what: str, code: str) -> Rejected:
    """Return the refusal for a code whose entry was taken out of use."""
    return Rejected(f"{what} {code} was taken out of use", code="retired", what=what, key=code)
