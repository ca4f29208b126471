"""Services on accounts for whoever keeps them: an administrator, or a facility's own for its own people.

An account lies where its grants lie. It is visible to who may see accounts in one of these scopes, and may be
changed by who could have given every right that it holds: nobody resets the password of an account that may
do more than they may themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from oxygen.errors import Rejected
from policy.permission import Grant
from records import audit, identity, permission
from records.database import Transaction
from records.identity import User
from records.permission import GrantRow, Visible
from records.refusals import not_found

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")


class KeptAccount(msgspec.Struct, frozen=True):
    """An account as a visitor may see it.

    Attributes:
        grants: Those whose scope the visitor may see, oldest first, ended ones too.
        changeable: Whether the visitor may reset, replace or close it.
    """

    user: User
    grants: tuple[GrantRow, ...]
    changeable: bool


async def kept_accounts(tx: Transaction, by: Visible, now_us: int) -> list[KeptAccount]:
    """Return the accounts that a visitor may see, by username."""
    held = await permission.all_grants(tx)
    found = (_seen(user, held.get(user.id, ()), by, now_us) for user in await identity.users(tx))
    return [account for account in found if account is not None]


async def kept_account(tx: Transaction, by: Visible, account_id: int, now_us: int) -> KeptAccount:
    """Return one of them. Raises Rejected `not_found`, also for one that is outside the visitor's scope."""
    for account in await kept_accounts(tx, by, now_us):
        if account.user.id == account_id:
            return account
    raise not_found("user", account_id)


async def check_changeable(tx: Transaction, by: Visible, account_id: int, now_us: int) -> KeptAccount:
    """Return an account that a visitor may change. Raises Rejected `not_found`, `not_allowed`."""
    account = await kept_account(tx, by, account_id, now_us)
    if not account.changeable:
        raise Rejected("this account holds more than the visitor", code="not_allowed")
    return account


async def open_account(
    tx: Transaction,
    by: Visible,
    *,
    username: str,
    password: str,
    locale: str,
    grant: Grant,
    reason: str,
    actor: str,
    now_us: int,
) -> User:
    """Add an account with a one-time password and its first grant, and return it.

    Raises Rejected: `username_not_understood`, `username_taken`, and as `permission.issue`.
    """
    user = await _new_user(tx, username, password, locale, actor, now_us)
    await permission.issue(tx, by, user.id, grant, actor=actor, reason=reason, now_us=now_us)
    return user


async def renew_password(
    tx: Transaction, by: Visible, account_id: int, *, password: str, actor: str, now_us: int
) -> User:
    """Give an account a one-time password; its sessions end. Raises Rejected `not_found`, `not_allowed`."""
    account = await check_changeable(tx, by, account_id, now_us)
    await identity.reset_password(tx, account_id, password=password, actor=actor, now_us=now_us)
    return account.user


async def close_account(
    tx: Transaction, by: Visible, account_id: int, *, reason: str, actor: str, now_us: int
) -> User:
    """Close an account at once.

    Raises Rejected: `not_found`, `not_allowed`, `last_administrator`, `reason_missing`.
    """
    if not reason.strip():
        raise Rejected("closing an account needs a reason", code="reason_missing")
    account = await check_changeable(tx, by, account_id, now_us)
    await permission.keep_an_administrator(tx, without_account=account_id, now_us=now_us)
    await identity.deactivate(tx, account_id, actor=actor, now_us=now_us)
    await _audit(tx, "user.close", account.user, actor, reason, now_us)
    return account.user


async def replace_account(
    tx: Transaction,
    by: Visible,
    account_id: int,
    *,
    username: str,
    password: str,
    reason: str,
    actor: str,
    now_us: int,
) -> User:
    """Put another person in somebody's place: a new account with the standing grants; the old one closes.

    Returns the new one. Raises Rejected as `open_account` and `close_account`.
    """
    old = await check_changeable(tx, by, account_id, now_us)
    user = await _new_user(tx, username, password, old.user.locale, actor, now_us)
    for row in old.grants:
        if not row.ended(now_us):
            await permission.issue(tx, by, user.id, row.grant, actor=actor, reason=reason, now_us=now_us)
    await close_account(tx, by, account_id, reason=reason, actor=actor, now_us=now_us)
    return user


async def _new_user(
    tx: Transaction, username: str, password: str, locale: str, actor: str, now_us: int
) -> User:
    name = username.strip().lower()
    if _USERNAME.fullmatch(name) is None:
        raise Rejected(f"{username!r} cannot be a username", code="username_not_understood")
    return await identity.create_user(
        tx, username=name, password=password, locale=locale, actor=actor, now_us=now_us
    )


def _seen(user: User, held: Sequence[GrantRow], by: Visible, now_us: int) -> KeptAccount | None:
    """Return an account as a visitor sees it; None when it lies in none of the visitor's scopes."""
    lying = _lying(held, now_us)
    if not lying:
        whole = by.everywhere("accounts:read")
        return KeptAccount(user, (), by.everywhere("accounts:write")) if whole else None
    if not any(_reads(by, row) for row in lying):
        return None
    return KeptAccount(
        user=user,
        grants=tuple(row for row in held if _reads(by, row)),
        changeable=all(permission.revocable(by, row.grant).allowed for row in lying) and _writes(by, lying),
    )


def _lying(held: Sequence[GrantRow], now_us: int) -> list[GrantRow]:
    """Return the grants by which an account lies somewhere: those not ended, else the last one it had."""
    return [row for row in held if not row.ended(now_us)] or list(held[-1:])


def _reads(by: Visible, row: GrantRow) -> bool:
    target = by.where.scope(row.grant.scope)
    return by.everywhere("accounts:read") if target is None else by.may("accounts:read", target)


def _writes(by: Visible, rows: Sequence[GrantRow]) -> bool:
    targets = [by.where.scope(row.grant.scope) for row in rows]
    whole = by.everywhere("accounts:write")
    return all(whole if target is None else by.may("accounts:write", target) for target in targets)


async def _audit(tx: Transaction, action: str, user: User, actor: str, reason: str, now_us: int) -> None:
    subject = f"user:{user.username}"
    await audit.record(tx, at_us=now_us, actor=actor, action=action, subject=subject, reason=reason.strip())
