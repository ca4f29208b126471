"""Personal data opened for a while: only with a reason, only within one's scope, and always audited."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from oxygen.errors import Rejected
from oxygen.units import US_PER_S
from policy.permission import Scope, may_break_glass
from policy.roles import ScopeKind
from records import audit
from records.database import Transaction
from records.permission.models import broken_glass
from records.permission.structs import BrokenGlass
from records.permission.visible import Visible
from records.refusals import bad_value, not_found

LONGEST_MINUTES = 60
SHORTEST_REASON = 10
ACTION = "facilities:read"


async def break_glass(
    tx: Transaction,
    by: Visible,
    account_id: int,
    scope: Scope,
    *,
    reason: str,
    minutes: int,
    actor: str,
    now_us: int,
) -> BrokenGlass:
    """Open the personal data of a scope to an account, and return until when.

    Raises Rejected: `not_found` for a scope outside the visitor's own, `not_allowed` when no role of the
    visitor's may do so, `reason_too_short`, `bad_value` for the minutes.
    """
    target = by.where.scope(scope)
    if target is None or not by.may(ACTION, target):
        raise not_found(scope.kind.value, scope.code)
    if not may_break_glass(by.visitor, ACTION, target):
        raise Rejected("no role of this account may open personal data", code="not_allowed")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Rejected("the reason is too short", code="reason_too_short", minimum=SHORTEST_REASON)
    if not 0 < minutes <= LONGEST_MINUTES:
        raise bad_value("minutes", minutes, f"1…{LONGEST_MINUTES}")
    values: dict[str, Any] = {
        "account_id": account_id,
        "scope_kind": scope.kind.value,
        "scope_code": scope.code,
        "reason": reason.strip(),
        "opened_us": now_us,
        "expires_us": now_us + minutes * 60 * US_PER_S,
    }
    number = await tx.scalar(broken_glass.insert().values(values).returning(broken_glass.c.id))
    detail = {"scope_kind": scope.kind.value, "scope_code": scope.code, "expires_us": values["expires_us"]}
    await _audit(tx, now_us, actor, "personal.open", int(number), detail, values["reason"])
    kept = {name: values[name] for name in ("account_id", "reason", "opened_us", "expires_us")}
    return BrokenGlass(id=int(number), scope=scope, **kept)


async def mend_glass(tx: Transaction, account_id: int, glass_id: int, *, actor: str, now_us: int) -> None:
    """Close what an account opened before its time; does nothing when it is closed or another's."""
    table = broken_glass
    open_one = (table.c.id == glass_id) & (table.c.account_id == account_id) & table.c.closed_us.is_(None)
    done = await tx.execute(update(table).where(open_one).values(closed_us=now_us))
    if done.rowcount:
        await _audit(tx, now_us, actor, "personal.close", glass_id, {}, None)


async def opened_glass(tx: Transaction, account_id: int, now_us: int) -> list[BrokenGlass]:
    """Return what an account has open, oldest first."""
    table = broken_glass
    in_force = (table.c.expires_us > now_us) & table.c.closed_us.is_(None)
    query = select(table).where(table.c.account_id == account_id, in_force).order_by(table.c.id)
    return [
        BrokenGlass(
            scope=Scope(ScopeKind(row["scope_kind"]), row["scope_code"]),
            **{name: row[name] for name in BrokenGlass.__struct_fields__ if name != "scope"},
        )
        for row in await tx.rows(query)
    ]


async def _audit(
    tx: Transaction,
    now_us: int,
    actor: str,
    action: str,
    glass_id: int,
    detail: dict[str, Any],
    reason: str | None,
) -> None:
    await audit.record(
        tx,
        at_us=now_us,
        actor=actor,
        action=action,
        subject=f"broken_glass:{glass_id}",
        detail=detail,
        reason=reason,
    )
