"""Limits of the rules by scope: history that is only added to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from records import audit
from records.database import Transaction
from records.refusals import bad_value, changed_meanwhile, check_code, check_one_of
from records.registry.counting import bump_version
from records.registry.models import SCOPES, rule_setting
from records.registry.structs import RuleSetting


async def rule_settings(tx: Transaction) -> list[RuleSetting]:
    """Return the newest setting of every rule and scope that was ever set."""
    newest: dict[tuple[str, str, str], RuleSetting] = {}
    for row in await tx.rows(select(rule_setting).order_by(rule_setting.c.id)):
        setting = RuleSetting(**row)
        newest[setting.rule, setting.scope_kind, setting.scope_code] = setting
    return list(newest.values())


async def rule_history(tx: Transaction, rule: str, scope_kind: str, scope_code: str) -> list[RuleSetting]:
    """Return every setting of one rule and scope, newest first."""
    query = select(rule_setting).where(*_at(rule, scope_kind, scope_code)).order_by(rule_setting.c.id.desc())
    return [RuleSetting(**row) for row in await tx.rows(query)]


async def put_rule_setting(
    tx: Transaction,
    *,
    rule: str,
    scope_kind: str,
    scope_code: str,
    params: Mapping[str, Any],
    actor: str,
    now_us: int,
    expected_version: int | None = None,
) -> RuleSetting:
    """Add a setting and return it; the same params again return the present one.

    Raises Rejected: `bad_value` for an unknown scope, `changed_meanwhile` when `expected_version` (0: none
    yet) is not the present version.
    """
    check_one_of("scope_kind", scope_kind, SCOPES)
    if scope_kind != "default":
        check_code("scope_code", scope_code)
    elif scope_code:
        raise bad_value("scope_code", scope_code, "empty")
    history = await rule_history(tx, rule, scope_kind, scope_code)
    version = history[0].version if history else 0
    if expected_version is not None and expected_version != version:
        raise changed_meanwhile("rule_setting", f"{rule} {scope_kind} {scope_code}")
    if history and history[0].params == dict(params):
        return history[0]
    setting = RuleSetting(
        rule=rule,
        scope_kind=scope_kind,
        scope_code=scope_code,
        params=dict(params),
        version=version + 1,
        set_by=actor,
        set_us=now_us,
    )
    return await _add(tx, setting)


async def _add(tx: Transaction, setting: RuleSetting) -> RuleSetting:
    values = {name: getattr(setting, name) for name in setting.__struct_fields__ if name != "id"}
    statement = tx.insert(rule_setting).values(values).on_conflict_do_nothing().returning(rule_setting.c.id)
    number = await tx.scalar(statement)
    if number is None:
        raise changed_meanwhile("rule_setting", f"{setting.rule} {setting.scope_kind} {setting.scope_code}")
    await bump_version(tx)
    await audit.record(
        tx,
        at_us=setting.set_us,
        actor=setting.set_by,
        action="rule.set",
        subject=f"rule:{setting.rule}",
        detail=values,
    )
    return RuleSetting(id=int(number), **values)


def _at(rule: str, scope_kind: str, scope_code: str) -> tuple[Any, ...]:
    table = rule_setting.c
    return table.rule == rule, table.scope_kind == scope_kind, table.scope_code == scope_code
