"""API tokens: for programs that act for an account, named, with a narrow right and an end."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select, update

from oxygen.errors import Rejected
from oxygen.units import US_PER_DAY, US_PER_S
from records import audit
from records.database import Transaction
from records.identity import passwords
from records.identity.models import account, api_token
from records.identity.reauthentication import require_recent
from records.refusals import bad_value, not_found

PREFIX = "oxy_"
"""Lets leak scanners and people tell what it is."""
LONGEST_LIFE_DAYS = 400
MOST_TOKENS = 50
_USE_NOTED_EVERY_S = 60
_NAME_LIMIT = 80
_SCOPE = re.compile(r"[a-z_]+:[a-z_]+")


class ApiToken(msgspec.Struct, frozen=True):
    """A token, without its secret.

    Attributes:
        scopes: Actions it may do, as `alarms:read`; never more than its account may.
        last_used_us: To the minute; None when it was never used.
    """

    id: int
    account_id: int
    name: str
    scopes: list[str]
    created_us: int
    expires_us: int
    last_used_us: int | None = None
    revoked_us: int | None = None


class TokenUser(msgspec.Struct, frozen=True):
    """Who a valid token acts for, and what it may do at most."""

    token_id: int
    user_id: int
    username: str
    locale: str
    scopes: frozenset[str]
    note_use: bool


async def create_api_token(
    tx: Transaction,
    session_token: str,
    *,
    name: str,
    scopes: Collection[str],
    expires_us: int,
    now_us: int,
) -> tuple[ApiToken, str]:
    """Make a token for the session's account and return it with its secret, shown once and stored nowhere.

    Raises Rejected: `reauthentication_needed`, `session_over`, `bad_value`, `too_many_tokens`.
    """
    holder = await require_recent(tx, session_token, now_us)
    _check(name, scopes, expires_us, now_us)
    if len(await api_tokens(tx, holder.user_id, now_us=now_us)) >= MOST_TOKENS:
        raise Rejected("there are too many tokens", code="too_many_tokens", most=MOST_TOKENS)
    secret = PREFIX + secrets.token_urlsafe(passwords.TOKEN_BYTES)
    values: dict[str, Any] = {
        "account_id": holder.user_id,
        "name": name.strip(),
        "token_hash": passwords.token_hash(secret),
        "scopes": sorted(set(scopes)),
        "created_us": now_us,
        "expires_us": expires_us,
    }
    number = int(await tx.scalar(api_token.insert().values(values).returning(api_token.c.id)))
    kept = {name: value for name, value in values.items() if name != "token_hash"}
    token = ApiToken(id=number, **kept)
    await _audit(tx, token, holder.username, holder.username, "token.create", now_us)
    return token, secret


async def api_tokens(tx: Transaction, user_id: int, *, now_us: int) -> list[ApiToken]:
    """Return an account's tokens that still work, newest first."""
    query = select(api_token).where(api_token.c.account_id == user_id, *_working(now_us))
    rows = await tx.rows(query.order_by(api_token.c.id.desc()))
    return [ApiToken(**{name: row[name] for name in ApiToken.__struct_fields__}) for row in rows]


async def revoke_api_token(tx: Transaction, user_id: int, token_id: int, *, actor: str, now_us: int) -> None:
    """End a token at once. Raises Rejected `not_found` when the account has no such working token."""
    this = (api_token.c.id == token_id) & (api_token.c.account_id == user_id)
    statement = update(api_token).where(this, *_working(now_us)).values(revoked_us=now_us)
    row = await tx.row(statement.returning(api_token))
    if row is None:
        raise not_found("token", token_id)
    token = ApiToken(**{name: row[name] for name in ApiToken.__struct_fields__})
    username = str(await tx.scalar(select(account.c.username).where(account.c.id == user_id)))
    await _audit(tx, token, username, actor, "token.revoke", now_us)


async def token_user(tx: Transaction, secret: str, now_us: int) -> TokenUser | None:
    """Return who a token acts for; None when it is unknown, over or revoked, or its account may not sign in.

    With `note_use`, call `note_token_use` in a writing transaction.
    """
    if not secret.startswith(PREFIX):
        return None
    query = (
        select(api_token, account.c.username, account.c.locale)
        .join(account, account.c.id == api_token.c.account_id)
        .where(api_token.c.token_hash == passwords.token_hash(secret), *_working(now_us))
        .where(account.c.active, ~account.c.must_change)
    )
    row = await tx.row(query)
    if row is None:
        return None
    used_us = row["last_used_us"]
    return TokenUser(
        token_id=row["id"],
        user_id=row["account_id"],
        username=row["username"],
        locale=row["locale"],
        scopes=frozenset(row["scopes"]),
        note_use=used_us is None or now_us - used_us >= _USE_NOTED_EVERY_S * US_PER_S,
    )


async def note_token_use(tx: Transaction, token_id: int, now_us: int) -> None:
    """Keep when a token was last used; a minute is fine enough, and spares a write a request."""
    await tx.execute(update(api_token).where(api_token.c.id == token_id).values(last_used_us=now_us))


def _working(now_us: int) -> tuple[ColumnElement[bool], ...]:
    return api_token.c.revoked_us.is_(None), api_token.c.expires_us > now_us


def _check(name: str, scopes: Collection[str], expires_us: int, now_us: int) -> None:
    if not 0 < len(name.strip()) <= _NAME_LIMIT:
        raise bad_value("name", name, f"1 – {_NAME_LIMIT}")
    wrong = [scope for scope in scopes if not _SCOPE.fullmatch(scope)]
    if wrong or not scopes:
        raise bad_value("scopes", ", ".join(wrong), "noun:verb")
    if not now_us < expires_us <= now_us + LONGEST_LIFE_DAYS * US_PER_DAY:
        raise bad_value("expires_us", expires_us, f"≤ {LONGEST_LIFE_DAYS} d")


async def _audit(
    tx: Transaction, token: ApiToken, username: str, actor: str, action: str, now_us: int
) -> None:
    detail = {"token": token.id, "name": token.name, "scopes": token.scopes, "expires_us": token.expires_us}
    await audit.record(
        tx, at_us=now_us, actor=actor, action=action, subject=f"user:{username}", detail=detail
    )
