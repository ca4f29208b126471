"""Taking an entry out of use, and back. Nothing is deleted, and a code is never given again."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table, select

from oxygen.errors import Rejected
from records.database import Transaction
from records.refusals import bad_value, changed_meanwhile
from records.registry.services import TABLES, check_references
from records.registry.storing import E, changed, get_entry, replace_entry


async def retire(
    tx: Transaction,
    shape: type[E],
    code: str,
    *,
    reason: str,
    actor: str,
    now_us: int,
    expected_version: int | None = None,
) -> E:
    """Take an entry out of use; it stays readable. Safe to repeat.

    Raises Rejected: `not_found`; `bad_value` without a reason; `still_in_use` while something in use refers
    to it (named in the parameters); `changed_meanwhile`.
    """
    if not reason.strip():
        raise bad_value("reason", reason, "a reason")
    table = TABLES[shape]
    before = await get_entry(tx, table, shape, code)
    if before.retired_us is not None:
        return before
    if expected_version is not None and expected_version != before.version:
        raise changed_meanwhile(table.name, code)
    await _check_unused(tx, table, code)
    after = changed(before, version=before.version + 1, retired_us=now_us, retired_reason=reason.strip())
    await replace_entry(tx, table, before, after, "registry.retire", actor, now_us, reason.strip())
    return after


async def reinstate(tx: Transaction, shape: type[E], code: str, *, reason: str, actor: str, now_us: int) -> E:
    """Put the same thing back into use after a mistake; a new thing gets a new code. Safe to repeat.

    Raises Rejected: `not_found`; `bad_value` without a reason; `retired` while what it refers to is.
    """
    if not reason.strip():
        raise bad_value("reason", reason, "a reason")
    table = TABLES[shape]
    before = await get_entry(tx, table, shape, code)
    if before.retired_us is None:
        return before
    await check_references(tx, table, before)
    after = changed(before, version=before.version + 1, retired_us=None, retired_reason="")
    await replace_entry(tx, table, before, after, "registry.reinstate", actor, now_us, reason.strip())
    return after


async def _check_unused(tx: Transaction, table: Table, code: str) -> None:
    for other, column in _references(table):
        query = select(other.c.code).where(other.c[column] == code, other.c.retired_us.is_(None)).limit(1)
        user = await tx.scalar(query)
        if user is not None:
            raise Rejected(
                f"{table.name} {code} is still used by {other.name} {user}",
                code="still_in_use",
                what=table.name,
                key=code,
                user=f"{other.name} {user}",
            )


def _references(table: Table) -> Iterator[tuple[Table, str]]:
    """Yield the tables and columns of entries that refer to a table; a tank's and a bank's system too."""
    for other in TABLES.values():
        for column in other.columns:
            if any(key.column.table is table for key in column.foreign_keys):
                yield other, column.name
        if table.name == "supply_system" and "system" in other.columns:
            yield other, "system"
