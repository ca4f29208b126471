"""Asking for the password again before what a borrowed browser must not do."""

from __future__ import annotations

import msgspec
from sqlalchemy import RowMapping, select, update

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from records import audit
from records.database import Transaction
from records.identity import passwords, throttle
from records.identity.models import account, account_session

RECENT_S = 900


class Holder(msgspec.Struct, frozen=True):
    """Whose session it is."""

    user_id: int
    username: str
    wrong_codes: int


async def session_holder(tx: Transaction, token: str, now_us: int) -> Holder:
    """Return whose valid session this is. Raises Rejected `session_over`."""
    row = await _row(tx, token, now_us)
    return Holder(row["id"], row["username"], row["wrong_codes"] or 0)


async def require_recent(tx: Transaction, token: str, now_us: int) -> Holder:
    """Return whose session it is, if its password was typed in the last quarter of an hour.

    Raises Rejected `reauthentication_needed` otherwise, `session_over` when there is no such session.
    """
    row = await _row(tx, token, now_us)
    typed_us = row["authenticated_us"]
    if typed_us is None or now_us - typed_us > RECENT_S * US_PER_S:
        raise Rejected("the password is needed again", code="reauthentication_needed")
    return Holder(row["id"], row["username"], row["wrong_codes"] or 0)


async def reauthenticate(
    tx: Transaction, token: str, password: str, *, now_us: int, address: str = ""
) -> bool:
    """Note that the session's owner typed the password again; False when it is wrong.

    Commit in either case: wrong ones are counted as at sign-in. Raises Rejected `too_many_attempts`,
    `session_over`.
    """
    row = await _row(tx, token, now_us)
    name = row["username"]
    await throttle.check(tx, name, address, now_us)
    await throttle.count(tx, name, address, now_us)
    right = await passwords.matches(password, row["password_hash"])
    action = "user.reauthenticate" if right else "user.reauthenticate_failed"
    await audit.record(
        tx, at_us=now_us, actor=name, action=action, subject=f"user:{name}", address=address or None
    )
    if right:
        await throttle.forgive(tx, name, address)
        mine = account_session.c.token_hash == passwords.token_hash(token)
        await tx.execute(update(account_session).where(mine).values(authenticated_us=now_us))
    return right


async def _row(tx: Transaction, token: str, now_us: int) -> RowMapping:
    query = (
        select(account, account_session.c.authenticated_us, account_session.c.wrong_codes)
        .join(account_session, account_session.c.account_id == account.c.id)
        .where(account_session.c.token_hash == passwords.token_hash(token))
        .where(account_session.c.expires_us > now_us, account.c.active)
    )
    row = await tx.row(query)
    if row is None:
        raise Rejected("the session is over", code="session_over")
    return row
