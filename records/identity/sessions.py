"""An account's own list of where it is signed in, and ending one of them."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, func, select

from records import audit
from records.database import Transaction
from records.identity import passwords
from records.identity.models import account, account_session
from records.refusals import not_found

_ID_LENGTH = 16


class SessionInfo(msgspec.Struct, frozen=True):
    """Where an account is signed in.

    Attributes:
        id: To end it by; opens nothing.
        address, agent: From where, and how the browser calls itself; None for sessions of before these were
            kept.
        second_factor: Whether one was shown.
        current: It is the one that asks.
    """

    id: str
    created_us: int
    expires_us: int
    address: str | None
    agent: str | None
    second_factor: bool
    current: bool


async def sessions(
    tx: Transaction, user_id: int, *, now_us: int, current_token: str = ""
) -> list[SessionInfo]:
    """Return an account's valid sessions, newest first."""
    table = account_session
    valid = (table.c.account_id == user_id) & (table.c.expires_us > now_us)
    mine = passwords.token_hash(current_token) if current_token else ""
    rows = await tx.rows(select(table).where(valid).order_by(table.c.created_us.desc()))
    return [
        SessionInfo(
            id=row["token_hash"][:_ID_LENGTH],
            created_us=row["created_us"],
            expires_us=row["expires_us"],
            address=row["address"],
            agent=row["agent"],
            second_factor=row["second_factor_us"] is not None,
            current=row["token_hash"] == mine,
        )
        for row in rows
    ]


async def end_session(tx: Transaction, user_id: int, session_id: str, *, actor: str, now_us: int) -> None:
    """End one session of an account. Raises Rejected `not_found` when it has none of this id."""
    table = account_session
    this = (table.c.account_id == user_id) & (func.substr(table.c.token_hash, 1, _ID_LENGTH) == session_id)
    if (await tx.execute(delete(table).where(this))).rowcount != 1:
        raise not_found("session", session_id)
    await _audit(tx, user_id, actor, "user.end_session", now_us, session=session_id)


async def end_other_sessions(
    tx: Transaction, user_id: int, *, keep_token: str, actor: str, now_us: int
) -> int:
    """End every session of an account but one, and return how many."""
    table = account_session
    others = (table.c.account_id == user_id) & (table.c.token_hash != passwords.token_hash(keep_token))
    ended = (await tx.execute(delete(table).where(others))).rowcount
    await _audit(tx, user_id, actor, "user.end_other_sessions", now_us, sessions=ended)
    return ended


async def _audit(
    tx: Transaction, user_id: int, actor: str, action: str, now_us: int, **detail: object
) -> None:
    username = await tx.scalar(select(account.c.username).where(account.c.id == user_id))
    await audit.record(
        tx, at_us=now_us, actor=actor, action=action, subject=f"user:{username}", detail=detail
    )
