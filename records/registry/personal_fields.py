"""Telephone numbers of the registry's people: sealed before they are stored, audited or exported.

A field belongs to the person whose name stands beside it. With another name comes another person, and the
earlier one's number is erased: nobody needs it any more.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Table, func, select, update

from records import audit, personal
from records.database import Transaction
from records.personal import Finding, Opened, Sealed
from records.refusals import bad_value
from records.registry import holding_models, models
from records.registry.storing import E, changed

REPLACED = "replaced"
_SEALED = "sealed:%"


class PersonalField(msgspec.Struct, frozen=True):
    """A column that is sealed, the column with the name of its owner, and what kind of person that is."""

    column: str
    owner: str
    kind: str


FIELDS = {
    models.facility: PersonalField("officer_phone", "officer_name", "officer"),
    holding_models.supplier: PersonalField("phone", "representative", "representative"),
    holding_models.supplier_site: PersonalField("phone", "representative", "representative"),
}
"""By table; the field's name in seals and audits is TABLE.COLUMN."""


async def sealed_entry(
    tx: Transaction, table: Table, entry: E, before: E | None, *, actor: str, now_us: int
) -> E:
    """Return an entry with its telephone number sealed; one that did not change keeps its seal.

    Raises Rejected `bad_value` for a seal that is not the stored one, Permanent `no_key_file` and the like
    when a number cannot be sealed. An entry without one passes without keys.
    """
    field = FIELDS.get(table)
    if field is None:
        return entry
    value, stored = getattr(entry, field.column).strip(), getattr(before, field.column, "")
    if value == stored:
        return entry
    name, subject = f"{table.name}.{field.column}", f"{table.name}:{entry.code}"
    if personal.is_sealed(value):
        raise bad_value(name, "sealed:…", "plain_text")
    same_owner = before is not None and getattr(before, field.owner) == getattr(entry, field.owner)
    if value and same_owner and await _is(tx, Sealed(name, stored), value):
        return changed(entry, **{field.column: stored})
    if not value or not same_owner:
        await _erase_earlier(tx, subject, actor, now_us)
    if value:
        person_id = await personal.person_for(tx, field.kind, subject, now_us=now_us)
        value = await personal.seal(tx, person_id, name, value)
    return changed(entry, **{field.column: value})


async def show_phone(
    tx: Transaction, table_name: str, stored: str, *, viewer: str, reason: str, now_us: int
) -> Opened:
    """Return a stored number for somebody to see; audited. Raises Rejected `reason_missing`."""
    field = next(field for table, field in FIELDS.items() if table.name == table_name)
    sealed = [Sealed(f"{table_name}.{field.column}", stored)]
    (opened,) = await personal.view(tx, sealed, viewer=viewer, reason=reason, now_us=now_us)
    return opened


async def check_sealed(tx: Transaction) -> list[Finding]:
    """Return a finding when numbers of before there was a key file are still stored in clear."""
    count = 0
    for table, field in FIELDS.items():
        column = table.c[field.column]
        plain = (column != "") & column.not_like(_SEALED)
        count += int(await tx.scalar(select(func.count()).select_from(table).where(plain)))
    return [Finding("plain_left", {"count": count})] if count else []


async def seal_plain(tx: Transaction, *, actor: str, now_us: int) -> int:
    """Seal the numbers that are stored in clear and return how many; safe to repeat. Raises Permanent.

    Earlier audit rows are append-only and keep them: they came in before there were keys.
    """
    count = 0
    for table, field in FIELDS.items():
        column = table.c[field.column]
        plain = (column != "") & column.not_like(_SEALED)
        for row in await tx.rows(select(table.c.code, column).where(plain)):
            subject = f"{table.name}:{row['code']}"
            person_id = await personal.person_for(tx, field.kind, subject, now_us=now_us)
            token = await personal.seal(tx, person_id, f"{table.name}.{field.column}", row[field.column])
            same = (table.c.code == row["code"]) & (column == row[field.column])
            await tx.execute(update(table).where(same).values({field.column: token}))
            await audit.record(tx, at_us=now_us, actor=actor, action="personal.seal", subject=subject)
            count += 1
    return count


async def _is(tx: Transaction, stored: Sealed, value: str) -> bool:
    """Tell whether a stored seal holds this very text."""
    if not personal.is_sealed(stored.token):
        return False
    (opened,) = await personal.open_sealed(tx, [stored])
    return opened.text == value


async def _erase_earlier(tx: Transaction, subject: str, actor: str, now_us: int) -> None:
    earlier = await personal.person_of(tx, subject)
    if earlier is not None:
        await personal.erase(tx, earlier, actor=actor, reason=REPLACED, now_us=now_us)
