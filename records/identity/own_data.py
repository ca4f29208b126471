"""What the system knows of an account's owner: handed out to the owner, and erased when it is time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update

from oxygen.units import US_PER_DAY
from records import audit, personal
from records.database import Transaction
from records.identity.addresses import addresses, field_of
from records.identity.models import (
    account,
    account_address,
    account_authenticator,
    api_token,
    one_time_code,
    recovery_code,
)
from records.identity.services import deactivate
from records.identity.sessions import sessions
from records.identity.tokens import api_tokens
from records.refusals import not_found

RETENTION = "retention"
OWN_DATA = "own_data"
_ENTRIES = 10_000
_NO_PASSWORD = "erased"  # noqa: S105  matches no password


async def own_data(tx: Transaction, user_id: int, *, now_us: int) -> dict[str, Any]:
    """Return everything kept about an account's owner, in clear, as the law lets the owner ask for.

    A field that cannot be read comes as None with its reason. The view is audited.
    Raises Rejected `not_found`.
    """
    row = await tx.row(select(account).where(account.c.id == user_id))
    if row is None:
        raise not_found("user", user_id)
    known = await addresses(tx, user_id)
    sealed = [personal.Sealed(field_of(kind), one.sealed) for kind, one in known.items()]
    opened = await personal.view(tx, sealed, viewer=row["username"], reason=OWN_DATA, now_us=now_us)
    entries = await audit.entries(tx, actor=row["username"], limit=_ENTRIES)
    return {
        "account": {name: row[name] for name in ("username", "locale", "active", "deactivated_us")},
        "addresses": {
            kind: {"value": one.text, "reason": one.reason, "confirmed_us": known[kind].confirmed_us}
            for kind, one in zip(known, opened, strict=True)
        },
        "sessions": await sessions(tx, user_id, now_us=now_us),
        "tokens": await api_tokens(tx, user_id, now_us=now_us),
        "actions": entries,
    }


async def erase_user(tx: Transaction, user_id: int, *, actor: str, reason: str, now_us: int) -> None:
    """Close an account and destroy its owner's data; its username stays, as the actor of what it did.

    Repeatable. Raises Rejected `not_found`, `reason_missing`.
    """
    await deactivate(tx, user_id, actor=actor, now_us=now_us)
    person_id = await personal.person_of(tx, f"user:{user_id}")
    if person_id is not None:
        await personal.erase(tx, person_id, actor=actor, reason=reason, now_us=now_us)
    for table in (account_address, account_authenticator, recovery_code, one_time_code, api_token):
        await tx.execute(delete(table).where(table.c.account_id == user_id))
    await tx.execute(update(account).where(account.c.id == user_id).values(password_hash=_NO_PASSWORD))


async def erase_former(tx: Transaction, now_us: int, *, keep_days: float) -> int:
    """Erase the owners of accounts that were closed longer than `keep_days` ago; returns how many.

    An account closed before closing times were kept counts from the first time this is run.
    """
    undated = ~account.c.active & account.c.deactivated_us.is_(None)
    await tx.execute(update(account).where(undated).values(deactivated_us=now_us))
    before_us = now_us - round(keep_days * US_PER_DAY)
    over = ~account.c.active & (account.c.deactivated_us <= before_us)
    over &= account.c.password_hash != _NO_PASSWORD
    numbers = [int(row["id"]) for row in await tx.rows(select(account.c.id).where(over).limit(100))]
    for number in numbers:
        await erase_user(tx, number, actor=audit.SYSTEM, reason=RETENTION, now_us=now_us)
    return len(numbers)


async def prune_codes(tx: Transaction, now_us: int) -> int:
    """Delete one-time codes of yesterday and before, and return how many."""
    old = one_time_code.c.created_us < now_us - US_PER_DAY
    return (await tx.execute(delete(one_time_code).where(old))).rowcount
