"""Issuing and revoking grants. Nobody gives or takes more than they hold; every step is audited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from oxygen.errors import Rejected
from policy.permission import Decision, Grant, Scope, Target, Visitor, may_grant
from policy.roles import ScopeKind, roles
from records import audit
from records.database import Transaction
from records.permission.models import SCOPE_KINDS, account_grant, broken_glass
from records.permission.structs import GrantRow
from records.permission.visible import Visible
from records.refusals import bad_value, changed_meanwhile, check_one_of, not_found

REASON_LIMIT = 500
EVERYTHING = Scope(ScopeKind.ALL)
KEEPER = "administrator"
"""The role of which one grant over everything has to stay."""


async def visitor_of(tx: Transaction, account_id: int, now_us: int) -> Visitor:
    """Return what an account holds at an instant; nothing at all for one without grants."""
    held = await grants_of(tx, account_id)
    table = broken_glass
    query = select(table.c.scope_kind, table.c.scope_code).where(
        table.c.account_id == account_id,
        table.c.opened_us <= now_us,
        table.c.expires_us > now_us,
        table.c.closed_us.is_(None),
    )
    opened = tuple(Scope(ScopeKind(row["scope_kind"]), row["scope_code"]) for row in await tx.rows(query))
    return Visitor(tuple(row.grant for row in held if row.in_force(now_us)), opened)


async def roles_of(tx: Transaction, account_id: int, now_us: int) -> frozenset[str]:
    """Return the roles that an account holds at an instant, over whatever scope."""
    return frozenset(row.grant.role for row in await grants_of(tx, account_id) if row.in_force(now_us))


async def grants_of(tx: Transaction, account_id: int) -> list[GrantRow]:
    """Return every grant that an account ever had, oldest first."""
    table = account_grant
    query = select(table).where(table.c.account_id == account_id).order_by(table.c.id)
    return [_row(row) for row in await tx.rows(query)]


async def all_grants(tx: Transaction) -> dict[int, list[GrantRow]]:
    """Return every grant by account, oldest first."""
    found: dict[int, list[GrantRow]] = {}
    for row in await tx.rows(select(account_grant).order_by(account_grant.c.id)):
        found.setdefault(row["account_id"], []).append(_row(row))
    return found


async def appoint(
    tx: Transaction, account_id: int, grant: Grant, *, actor: str, reason: str, now_us: int
) -> GrantRow:
    """Give a grant without asking what `actor` holds: for set-up, and behind `issue`.

    A grant of the same role and scope that stands comes back unchanged; one that has run out makes room.
    Raises Rejected: `bad_value`, `constraint` for an unknown account.
    """
    _check(grant)
    await _close_ended(tx, account_id, grant, now_us)
    values: dict[str, Any] = {
        "account_id": account_id,
        "role": grant.role,
        "scope_kind": grant.scope.kind.value,
        "scope_code": grant.scope.code,
        "valid_from_us": grant.valid_from_us,
        "valid_to_us": grant.valid_to_us,
        "granted_by": actor,
        "granted_us": now_us,
        "reason": reason[:REASON_LIMIT],
    }
    statement = tx.insert(account_grant).values(values).on_conflict_do_nothing().returning(account_grant)
    row = await tx.row(statement)
    if row is None:
        return await _standing(tx, account_id, grant)
    detail = {name: value for name, value in values.items() if name not in ("reason", "granted_by")}
    await _audit(tx, now_us, actor, "grant.issue", row["id"], detail, values["reason"])
    return _row(row)


async def issue(
    tx: Transaction, by: Visible, account_id: int, grant: Grant, *, actor: str, reason: str, now_us: int
) -> GrantRow:
    """Give a grant on behalf of a visitor.

    Raises Rejected: `scope_not_found` for one that does not exist or is outside the visitor's own,
    `more_than_held`, `reason_missing`, and as `appoint`.
    """
    _check(grant)
    if not reason.strip():
        raise Rejected("a grant needs a reason", code="reason_missing")
    check_grantable(by, grant)
    return await appoint(tx, account_id, grant, actor=actor, reason=reason.strip(), now_us=now_us)


async def revoke(
    tx: Transaction, by: Visible, grant_id: int, *, actor: str, reason: str, now_us: int
) -> GrantRow:
    """End a grant at once; whoever could give it may take it. A second time changes nothing.

    Raises Rejected: `not_found`, `more_than_held`, `reason_missing`, `last_administrator`.
    """
    if not reason.strip():
        raise Rejected("revoking needs a reason", code="reason_missing")
    row = await tx.row(select(account_grant).where(account_grant.c.id == grant_id))
    decision = revocable(by, _row(row).grant) if row else None
    if row is None or decision is None or decision.reason in {"out_of_scope", "no_role"}:
        raise not_found("grant", grant_id)
    present = _row(row)
    if not decision.allowed:
        raise Rejected("nobody takes more than they hold", code="more_than_held", role=present.grant.role)
    if present.revoked_us is not None:
        return present
    await keep_an_administrator(tx, without_grants=[grant_id], now_us=now_us)
    return await _end(tx, present, actor=actor, reason=reason.strip(), now_us=now_us)


def grantable(by: Visible, grant: Grant) -> Decision:
    """Tell whether a visitor may issue a grant."""
    target = by.where.scope(grant.scope)
    if target is None:
        return Decision(allowed=False, reason="out_of_scope")
    return may_grant(by.visitor, grant, target)


def revocable(by: Visible, grant: Grant) -> Decision:
    """Tell whether a visitor may take a grant back: who could give it, also when its scope is gone since."""
    if by.where.scope(grant.scope) is None:
        return may_grant(by.visitor, grant, Target())
    return grantable(by, grant)


def check_grantable(by: Visible, grant: Grant) -> None:
    """Raise Rejected unless a visitor may issue a grant: `scope_not_found`, `more_than_held`."""
    decision = grantable(by, grant)
    if decision.reason == "more_than_held":
        raise Rejected("nobody gives more than they hold", code="more_than_held", role=grant.role)
    if not decision.allowed:
        raise Rejected(
            f"there is no {grant.scope.kind} {grant.scope.code} within the visitor's scope",
            code="scope_not_found",
            what=grant.scope.kind.value,
            key=grant.scope.code,
        )


async def keep_an_administrator(
    tx: Transaction, *, without_grants: Sequence[int] = (), without_account: int | None = None, now_us: int
) -> None:
    """Raise Rejected `last_administrator` when a change would leave nobody to mend it.

    The rows are locked, so that two who take each other's right at once do not both succeed.
    """
    table = account_grant
    query = (
        select(table.c.id, table.c.account_id, table.c.valid_from_us)
        .where(table.c.role == KEEPER, table.c.scope_kind == ScopeKind.ALL.value)
        .where(table.c.revoked_us.is_(None), table.c.valid_to_us.is_(None))
        .with_for_update()
    )
    rows = await tx.rows(query)
    active = await active_accounts(tx, [row["account_id"] for row in rows])
    keepers = [row for row in rows if row["valid_from_us"] <= now_us and row["account_id"] in active]
    left = [
        row for row in keepers if row["id"] not in without_grants and row["account_id"] != without_account
    ]
    if keepers and not left:
        raise Rejected("the last administrator has to stay", code="last_administrator")


async def active_accounts(tx: Transaction, account_ids: Sequence[int]) -> set[int]:
    """Return those of the accounts that are not deactivated."""
    account = account_grant.metadata.tables["account"]
    query = select(account.c.id).where(account.c.id.in_(account_ids), account.c.active)
    return {row["id"] for row in await tx.rows(query)}


def _check(grant: Grant) -> None:
    role = roles().get(grant.role)
    if role is None:
        raise bad_value("role", grant.role, " | ".join(roles()))
    check_one_of("scope_kind", grant.scope.kind.value, SCOPE_KINDS)
    if grant.scope.kind not in role.scopes:
        raise bad_value("scope_kind", grant.scope.kind.value, " | ".join(role.scopes))
    if (grant.scope.kind is ScopeKind.ALL) != (grant.scope.code == ""):
        raise bad_value("scope_code", grant.scope.code, "code")
    if grant.valid_to_us is not None and grant.valid_to_us <= grant.valid_from_us:
        raise bad_value("valid_to", grant.valid_to_us, "> valid_from")


async def _close_ended(tx: Transaction, account_id: int, grant: Grant, now_us: int) -> None:
    table = account_grant
    over = {"revoked_us": table.c.valid_to_us, "revoked_by": audit.SYSTEM, "revoke_reason": "ended"}
    ended = table.c.revoked_us.is_(None) & (table.c.valid_to_us <= now_us)
    await tx.execute(update(table).where(*_same(account_id, grant), ended).values(over))


async def _standing(tx: Transaction, account_id: int, grant: Grant) -> GrantRow:
    query = select(account_grant).where(*_same(account_id, grant), account_grant.c.revoked_us.is_(None))
    row = await tx.row(query)
    if row is None:
        raise changed_meanwhile("grant", grant.role)
    return _row(row)


async def _end(tx: Transaction, present: GrantRow, *, actor: str, reason: str, now_us: int) -> GrantRow:
    table = account_grant
    over = {"revoked_us": now_us, "revoked_by": actor, "revoke_reason": reason[:REASON_LIMIT]}
    standing = (table.c.id == present.id) & table.c.revoked_us.is_(None)
    row = await tx.row(update(table).where(standing).values(over).returning(table))
    if row is None:
        raise changed_meanwhile("grant", present.id)
    detail = {"account_id": present.account_id, "role": present.grant.role}
    detail |= {"scope_kind": present.grant.scope.kind.value, "scope_code": present.grant.scope.code}
    await _audit(tx, now_us, actor, "grant.revoke", present.id, detail, reason)
    return _row(row)


def _same(account_id: int, grant: Grant) -> tuple[Any, ...]:
    table = account_grant.c
    return (
        table.account_id == account_id,
        table.role == grant.role,
        table.scope_kind == grant.scope.kind.value,
        table.scope_code == grant.scope.code,
    )


def _row(row: Any) -> GrantRow:
    scope = Scope(ScopeKind(row["scope_kind"]), row["scope_code"])
    kept = {name: row[name] for name in GrantRow.__struct_fields__ if name != "grant"}
    return GrantRow(grant=Grant(row["role"], scope, row["valid_from_us"], row["valid_to_us"]), **kept)


async def _audit(
    tx: Transaction, now_us: int, actor: str, action: str, grant_id: int, detail: dict[str, Any], reason: str
) -> None:
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"grant:{grant_id}",
        detail=detail,
        reason=reason,
    )
