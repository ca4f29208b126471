"""Who is told of alarms."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from sqlalchemy import ColumnElement, select, update

from policy.identifiers import masked
from records import audit
from records.alarms.models import SEVERITIES
from records.database import Transaction
from records.messages import models
from records.messages.structs import Contact
from records.refusals import changed_meanwhile, check_one_of, not_found


async def put_contact(tx: Transaction, contact: Contact, *, actor: str, now_us: int) -> Contact:
    """Add a contact (id 0) or change one, and return it as stored.

    Raises Rejected: `bad_value`, `constraint` for an unknown facility, `changed_meanwhile` when
    `contact.version` is not the stored one.
    """
    check_one_of("channel", contact.channel, models.CHANNELS)
    check_one_of("minimum_severity", contact.minimum_severity, SEVERITIES)
    values = msgspec.structs.asdict(contact)
    del values["id"]
    values["version"] = contact.version + 1
    table = models.contact
    if contact.id == 0:
        number = await tx.scalar(table.insert().values(values).returning(table.c.id))
    else:
        same = (
            (table.c.id == contact.id) & (table.c.version == contact.version) & table.c.removed_us.is_(None)
        )
        number = await tx.scalar(update(table).where(same).values(values).returning(table.c.id))
    if number is None:
        raise changed_meanwhile("contact", contact.id)
    stored = msgspec.structs.replace(contact, id=int(number), version=values["version"])
    # The audit is for ever, an address is not: it keeps enough of one to recognise it.
    shown = values | {"address": _recognisable(contact)}
    detail = {name: value for name, value in shown.items() if name != "secret"}
    await _audit(tx, stored.id, "contact.put", actor, now_us, detail)
    return stored


async def contacts(
    tx: Transaction, *, active_only: bool = False, within: ColumnElement[bool] | None = None
) -> list[Contact]:
    """Return the contacts that were not removed, by id; `within` is a condition of `records.permission`."""
    table = models.contact
    query = select(table).where(table.c.removed_us.is_(None)).order_by(table.c.id)
    if active_only:
        query = query.where(table.c.active)
    if within is not None:
        query = query.where(within)
    rows = await tx.rows(query)
    return [Contact(**{name: row[name] for name in Contact.__struct_fields__}) for row in rows]


async def remove_contact(tx: Transaction, contact_id: int, *, actor: str, now_us: int) -> None:
    """Take a contact off every list; its row stays, without its address, for the messages sent to it.

    Raises Rejected `not_found`; removing it again does so too.
    """
    table = models.contact
    present = (table.c.id == contact_id) & table.c.removed_us.is_(None)
    gone = {
        "removed_us": now_us,
        "active": False,
        "address": "",
        "secret": None,
        "version": table.c.version + 1,
    }
    if (await tx.execute(update(table).where(present).values(gone))).rowcount != 1:
        raise not_found("contact", contact_id)
    await _audit(tx, contact_id, "contact.remove", actor, now_us, {})


def _recognisable(contact: Contact) -> str:
    """Return what the audit keeps of an address: a mail masked, of a web address its host."""
    if contact.channel == "email":
        return masked(contact.address)
    return urlsplit(contact.address).hostname or ""


async def _audit(
    tx: Transaction, contact_id: int, action: str, actor: str, now_us: int, detail: dict[str, object]
) -> None:
    await audit.record(
        tx, at_us=now_us, actor=actor, action=action, subject=f"contact:{contact_id}", detail=detail
    )
