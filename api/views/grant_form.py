"""What may be granted by a visitor: roles and scopes to choose from, and what is wrong with a choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from api import formats
from api.language import Language
from api.views.overview import facility_name
from oxygen.local_time import day_bounds_us, local_day
from policy.permission import Grant, Scope
from policy.roles import ScopeKind, roles
from records.permission import GrantRow, Visible, grantable, revocable
from records.permission.areas import body_of

ErrorCode = tuple[str, dict[str, object]]
USERNAME_LIMIT = 64
REASON_LIMIT = 500


class TypedGrant(msgspec.Struct, frozen=True):
    """A grant's fields as typed; `unit` is a code typed instead of a choice, `until` a local day."""

    role: str = ""
    scope: str = ""
    unit: str = ""
    until: str = ""
    reason: str = ""


class ScopeChoice(msgspec.Struct, frozen=True):
    """An entry of the list of scopes: `facility:bv-cho-lon` and its name."""

    value: str
    name: str


class GrantView(msgspec.Struct, frozen=True):
    """A grant in words; `state` is standing, to_come or ended."""

    id: int
    role: str
    scope: str
    since: str
    until: str
    given: str
    ended: str
    reason: str
    state: str
    revocable: bool


def scope_choices(by: Visible, language: Language) -> dict[str, list[ScopeChoice]]:
    """Return the scopes over which a visitor may give rights, by kind; kinds without any are left out."""
    found: dict[str, list[ScopeChoice]] = {}
    for scope, name in _scopes(by, language):
        target = by.where.scope(scope)
        if target is not None and by.may("grants:write", target):
            found.setdefault(scope.kind.value, []).append(ScopeChoice(_value(scope), name))
    return found


def role_choices(by: Visible, scopes: Mapping[str, list[ScopeChoice]]) -> list[str]:
    """Return the roles that a visitor may give over at least one of these scopes, in the table's order."""
    offered = [_scope(choice.value) for choices in scopes.values() for choice in choices]
    return [
        code
        for code, role in roles().items()
        if any(scope.kind in role.scopes and grantable(by, Grant(code, scope)).allowed for scope in offered)
    ]


def understood(
    form: TypedGrant, by: Visible, now_us: int, language: Language
) -> tuple[Grant | None, dict[str, ErrorCode]]:
    """Return the grant that was typed, or what is wrong by field."""
    errors: dict[str, ErrorCode] = {}
    scope = Scope(ScopeKind.UNIT, form.unit) if form.unit else _scope(form.scope)
    role = roles().get(form.role)
    if role is None:
        errors["role"] = ("not_a_choice", {})
    if not form.scope and not form.unit:
        errors["scope"] = ("not_a_choice", {})
    elif role is not None and scope.kind not in role.scopes:
        kinds = ", ".join(language.code(f"scope_kind.{kind.value}") for kind in role.scopes)
        errors["scope"] = ("unfit_scope", {"kinds": kinds})
    until_us = _until_us(form.until, now_us, errors)
    if not form.reason:
        errors["reason"] = ("reason_missing", {})
    if errors:
        return None, errors
    grant = Grant(form.role, scope, now_us, until_us)
    decision = grantable(by, grant)
    if decision.allowed:
        return grant, {}
    if decision.reason == "more_than_held":
        name = language.code(f"role.{form.role}")
        return None, {"role": ("more_than_held", {"role": name})}
    what = language.code(f"scope_kind.{scope.kind.value}")
    return None, {"unit" if form.unit else "scope": ("scope_not_found", {"what": what, "key": scope.code})}


def grant_view(row: GrantRow, by: Visible, now_us: int, language: Language) -> GrantView:
    """Put a grant into words."""
    state = "ended" if row.ended(now_us) else "standing" if row.in_force(now_us) else "to_come"
    until_us = row.grant.valid_to_us
    ended_us = row.revoked_us or until_us
    return GrantView(
        id=row.id,
        role=language.code(f"role.{row.grant.role}"),
        scope=scope_name(row.grant.scope, by, language),
        since=formats.instant(row.grant.valid_from_us) if row.grant.valid_from_us else "",
        until=formats.instant(until_us) if until_us is not None else "",
        given=row.granted_by,
        ended=formats.instant(ended_us) if state == "ended" else "",
        reason=row.revoke_reason or row.reason,
        state=state,
        revocable=state != "ended" and revocable(by, row.grant).allowed,
    )


def scope_name(scope: Scope, by: Visible, language: Language) -> str:
    """Return a scope in words: a hospital's name, or `governing body: CODE` and the like."""
    kind = language.code(f"scope_kind.{scope.kind.value}")
    if scope.kind is ScopeKind.ALL:
        return kind
    if scope.kind is ScopeKind.FACILITY:
        facility = by.where.registry.facility(scope.code)
        return facility_name(facility, language) if facility else f"{kind}: {scope.code}"
    if scope.kind is ScopeKind.BODY:
        return f"{kind}: {_body_name(scope.code, by, language)}"
    if scope.kind is ScopeKind.UNIT:
        return f"{kind}: {by.where.areas.name(scope.code, language.locale)}"
    return f"{kind}: {scope.code}"


def _scopes(by: Visible, language: Language) -> Iterator[tuple[Scope, str]]:
    known = by.where.registry
    yield Scope(ScopeKind.ALL), language.code("scope_kind.all")
    for code in by.where.areas.choices():
        yield Scope(ScopeKind.UNIT, code), by.where.areas.name(code, language.locale)
    used = {body_of(facility) for facility in known.facilities} - {""}
    for body in sorted(used | {code for code, entry in by.where.bodies.items() if entry.retired_us is None}):
        yield Scope(ScopeKind.BODY, body), _body_name(body, by, language)
    for facility in known.facilities:
        yield Scope(ScopeKind.FACILITY, facility.code), facility_name(facility, language)
    for supplier in sorted({tank.supplier for tank in known.tanks} - {""}):
        yield Scope(ScopeKind.SUPPLIER, supplier), supplier
    for gateway in known.gateways:
        yield Scope(ScopeKind.GATEWAY, gateway.code), gateway.code


def _body_name(code: str, by: Visible, language: Language) -> str:
    body = by.where.bodies.get(code)
    if body is None:
        return code
    return (body.name_vi if language.locale == "vi" else body.name_en) or code


def _value(scope: Scope) -> str:
    return f"{scope.kind.value}:{scope.code}"


def _scope(value: str) -> Scope:
    """Return the scope of a choice; of one that was never offered, a unit that does not exist."""
    kind, _, code = value.partition(":")
    if kind in set(ScopeKind) and (kind == ScopeKind.ALL.value) == (code == ""):
        return Scope(ScopeKind(kind), code)
    return Scope(ScopeKind.UNIT, value)


def _until_us(text: str, now_us: int, errors: dict[str, ErrorCode]) -> int | None:
    """Return the end of a local day, or None when none is named."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        errors["until"] = ("bad_day", {"value": text})
        return None
    if day < local_day(now_us):
        errors["until"] = ("end_before_beginning", {})
        return None
    return day_bounds_us(day)[1]
