"""Accounts and sessions. What an account may do are its grants (`records.permission`)."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from policy.permission import Grant
from policy.sign_in import (
    DONE,
    MAXIMUM_PASSWORD_LENGTH,
    MINIMUM_PASSWORD_LENGTH,
    password_problem,
    second_factor_state,
)
from records import audit
from records.database import Transaction
from records.identity import passwords, throttle
from records.identity.models import (
    account,
    account_authenticator,
    account_session,
    api_token,
    one_time_code,
)
from records.permission.grants import EVERYTHING, appoint, roles_of
from records.refusals import not_found

ADMINISTRATOR = "admin"
DEFAULT_LOCALE = "vi"
_AGENT_LIMIT = 200


class User(msgspec.Struct, frozen=True):
    """An account, without its password's hash."""

    id: int
    username: str
    locale: str
    must_change: bool
    active: bool
    version: int


class SessionToken(msgspec.Struct, frozen=True):
    """What a browser gets: the cookie's token (stored nowhere in clear) and the token of its forms.

    `second_factor` is what the session still owes, as `policy.sign_in.second_factor_state` says.
    """

    token: str
    csrf_token: str
    expires_us: int
    must_change: bool
    second_factor: str = DONE


class SignedIn(msgspec.Struct, frozen=True):
    """Who a valid session belongs to.

    With `must_change` only the password page may be served; with a `second_factor` that is not `done` only
    the pages that settle it.
    """

    user_id: int
    username: str
    locale: str
    must_change: bool
    csrf_token: str
    expires_us: int
    second_factor: str = DONE


async def create_user(
    tx: Transaction,
    *,
    username: str,
    password: str,
    role: str | None = None,
    locale: str = DEFAULT_LOCALE,
    must_change: bool = True,
    actor: str,
    now_us: int,
) -> User:
    """Add an account and return it; with `role` it is granted that role over everything.

    Raises Rejected: `username_taken`, `bad_value`, or what is wrong with the password (`check_password`).
    """
    name = _canonical(username)
    check_password(password, name)
    values = {
        "username": name,
        "password_hash": await passwords.hash_password(password),
        "locale": locale,
        "must_change": must_change,
        "active": True,
        "version": 1,
    }
    row = (
        await tx.execute(tx.insert(account).values(values).on_conflict_do_nothing().returning(account))
    ).first()
    if row is None:
        raise Rejected(f"username {name} is taken", code="username_taken", username=name)
    user = _user(row._mapping)
    await _audit(tx, now_us, actor, "user.create", user.username)
    if role is not None:
        given = Grant(role, EVERYTHING, valid_from_us=now_us)
        await appoint(tx, user.id, given, actor=actor, reason="first role", now_us=now_us)
    return user


async def ensure_administrator(tx: Transaction, *, password: str, now_us: int) -> bool:
    """Make `password` the one-time password of `admin` and return True, as long as nobody has used it.

    Creates `admin` when there is no account at all. Returns False once the administrator has chosen a
    password, or when there are accounts but no such administrator.
    """
    if not await tx.scalar(select(func.count()).select_from(account)):
        await create_user(
            tx,
            username=ADMINISTRATOR,
            password=password,
            role="administrator",
            actor=audit.SYSTEM,
            now_us=now_us,
        )
        return True
    check_password(password, ADMINISTRATOR)
    unused = (account.c.username == ADMINISTRATOR) & account.c.must_change & account.c.active
    new_hash = await passwords.hash_password(password)
    renewed = {"password_hash": new_hash, "version": account.c.version + 1}
    number = await tx.scalar(update(account).where(unused).values(renewed).returning(account.c.id))
    if number is None:
        return False
    await tx.execute(delete(account_session).where(account_session.c.account_id == number))
    await _audit(tx, now_us, audit.SYSTEM, "user.one_time_password", ADMINISTRATOR)
    return True


async def users(tx: Transaction) -> list[User]:
    """Return every account by username."""
    return [_user(row) for row in await tx.rows(select(account).order_by(account.c.username))]


async def sign_in(
    tx: Transaction,
    username: str,
    password: str,
    *,
    now_us: int,
    lifetime_s: float,
    address: str = "",
    agent: str = "",
) -> SessionToken | None:
    """Open a session, or return None for a wrong name, a wrong password or a deactivated account.

    Commit in either case: the failure is counted in the same transaction. Raises Rejected
    `too_many_attempts` (`wait_s`) while this name at this address has to wait. `agent` is how the browser
    calls itself, for the account's own list of sessions.
    """
    name = _canonical(username)
    await throttle.check(tx, name, address, now_us)
    await throttle.count(tx, name, address, now_us)
    row = await tx.row(select(account).where(account.c.username == name, account.c.active))
    if not await passwords.matches(password, row["password_hash"] if row else None) or row is None:
        if row is not None:
            await _audit(tx, now_us, name, "user.sign_in_failed", name, address)
        return None
    await throttle.forgive(tx, name, address)
    session = SessionToken(
        token=passwords.new_token(),
        csrf_token=passwords.new_token(),
        expires_us=now_us + round(lifetime_s * US_PER_S),
        must_change=row["must_change"],
        second_factor=await _owed(tx, row["id"], now_us, enrolled=await _enrolled(tx, row["id"])),
    )
    values = {
        "token_hash": passwords.token_hash(session.token),
        "account_id": row["id"],
        "created_us": now_us,
        "expires_us": session.expires_us,
        "csrf_token": session.csrf_token,
        "address": address,
        "agent": agent[:_AGENT_LIMIT],
        "authenticated_us": now_us,
    }
    await tx.execute(account_session.insert().values(values))
    await _audit(tx, now_us, name, "user.sign_in", name, address)
    return session


async def session_user(tx: Transaction, token: str, now_us: int) -> SignedIn | None:
    """Return who a session's token belongs to; None when it is unknown, over, or its account deactivated."""
    query = (
        select(
            account,
            account_session.c.csrf_token,
            account_session.c.expires_us,
            account_session.c.second_factor_us,
            account_authenticator.c.confirmed_us,
        )
        .join(account_session, account_session.c.account_id == account.c.id)
        .outerjoin(account_authenticator, account_authenticator.c.account_id == account.c.id)
        .where(account_session.c.token_hash == passwords.token_hash(token))
        .where(account_session.c.expires_us > now_us, account.c.active)
    )
    row = await tx.row(query)
    if row is None:
        return None
    names = ("username", "locale", "must_change", "csrf_token", "expires_us")
    enrolled, shown = row["confirmed_us"] is not None, row["second_factor_us"] is not None
    owed = await _owed(tx, row["id"], now_us, enrolled=enrolled, shown=shown)
    return SignedIn(user_id=row["id"], second_factor=owed, **{name: row[name] for name in names})


async def change_password(
    tx: Transaction, user_id: int, old: str, new: str, *, now_us: int, keep_token: str | None = None
) -> None:
    """Replace a user's password and end the user's other sessions; the one of `keep_token` goes on.

    Raises Rejected: `wrong_password`, `password_unchanged`, `not_found`, or what is wrong with the new one.
    """
    row = await tx.row(select(account).where(account.c.id == user_id, account.c.active))
    if row is None:
        raise not_found("user", user_id)
    if not await passwords.matches(old, row["password_hash"]):
        raise Rejected("the present password is wrong", code="wrong_password")
    check_password(new, row["username"])
    if new == old:
        raise Rejected("the new password is the present one", code="password_unchanged")
    changed = {
        "password_hash": await passwords.hash_password(new),
        "must_change": False,
        "version": account.c.version + 1,
    }
    await tx.execute(update(account).where(account.c.id == user_id).values(changed))
    others = account_session.c.account_id == user_id
    if keep_token is not None:
        others &= account_session.c.token_hash != passwords.token_hash(keep_token)
    await tx.execute(delete(account_session).where(others))
    await _audit(tx, now_us, row["username"], "user.change_password", row["username"])


async def set_locale(tx: Transaction, user_id: int, locale: str) -> None:
    """Keep the language a user reads in."""
    await tx.execute(update(account).where(account.c.id == user_id).values(locale=locale))


async def sign_out(tx: Transaction, token: str) -> None:
    """End the session of a token; does nothing when there is none."""
    mine = account_session.c.token_hash == passwords.token_hash(token)
    await tx.execute(delete(account_session).where(mine))


async def deactivate(tx: Transaction, user_id: int, *, actor: str, now_us: int) -> None:
    """Close an account; its sessions, API tokens and codes end at once. Repeatable.

    Raises Rejected `not_found`.
    """
    row = await tx.row(select(account).where(account.c.id == user_id))
    if row is None:
        raise not_found("user", user_id)
    await end_access(tx, user_id, now_us)
    if not row["active"]:
        return
    closed = {"active": False, "version": account.c.version + 1, "deactivated_us": now_us}
    await tx.execute(update(account).where(account.c.id == user_id).values(closed))
    await _audit(tx, now_us, actor, "user.deactivate", row["username"])


async def reset_password(tx: Transaction, user_id: int, *, password: str, actor: str, now_us: int) -> None:
    """Give an account a one-time password, to be changed at sign-in; ends its sessions, tokens and codes.

    Raises Rejected `not_found` (a deactivated account too), or what is wrong with the password.
    """
    row = await tx.row(select(account).where(account.c.id == user_id, account.c.active))
    if row is None:
        raise not_found("user", user_id)
    check_password(password, row["username"])
    changed = {
        "password_hash": await passwords.hash_password(password),
        "must_change": True,
        "version": account.c.version + 1,
    }
    await tx.execute(update(account).where(account.c.id == user_id).values(changed))
    await end_access(tx, user_id, now_us)
    await _audit(tx, now_us, actor, "user.reset_password", row["username"])


async def end_access(tx: Transaction, user_id: int, now_us: int) -> None:
    """End every session, API token and one-time code of an account."""
    await tx.execute(delete(account_session).where(account_session.c.account_id == user_id))
    mine = (api_token.c.account_id == user_id) & api_token.c.revoked_us.is_(None)
    await tx.execute(update(api_token).where(mine).values(revoked_us=now_us))
    open_codes = (one_time_code.c.account_id == user_id) & (one_time_code.c.expires_us > now_us)
    await tx.execute(update(one_time_code).where(open_codes).values(expires_us=now_us))


async def prune_sessions(tx: Transaction, now_us: int) -> int:
    """Delete sessions that are over and return how many."""
    return (await tx.execute(delete(account_session).where(account_session.c.expires_us <= now_us))).rowcount


def _canonical(username: str) -> str:
    return username.strip().lower()


def check_password(password: str, username: str) -> None:
    """Raise Rejected with what is wrong with a new password; see `policy.sign_in.password_problem`."""
    code = password_problem(password, username)
    if code is not None:
        limits = {"minimum": MINIMUM_PASSWORD_LENGTH, "maximum": MAXIMUM_PASSWORD_LENGTH}
        raise Rejected("the password is not good enough", code=code, **limits)


async def _owed(tx: Transaction, user_id: int, now_us: int, *, enrolled: bool, shown: bool = False) -> str:
    roles = frozenset() if enrolled else await roles_of(tx, user_id, now_us)
    return second_factor_state(roles, enrolled=enrolled, shown=shown)


async def _enrolled(tx: Transaction, user_id: int) -> bool:
    mine = account_authenticator.c.account_id == user_id
    return await tx.scalar(select(account_authenticator.c.confirmed_us).where(mine)) is not None


def _user(row: Any) -> User:
    return User(**{name: row[name] for name in User.__struct_fields__})


async def _audit(
    tx: Transaction,
    now_us: int,
    actor: str,
    action: str,
    username: str,
    address: str | None = None,
    **detail: object,
) -> None:
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"user:{username}",
        detail=detail,
        address=address or None,
    )
