"""Whether a visitor may do something: role × action × scope, and what is not granted is denied.

A visitor holds grants: a role over a scope. An object lies somewhere (`Target`): in units, under a governing
body, at a facility. A grant allows an action on it when the role has the action and the scope holds the
object. Which line counts, that of the place or that of the governing body, is a property of the action.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeVar

import msgspec

from policy.roles import FieldClass, Role, ScopeKind, roles, table

Reason = Literal["allowed", "unknown_action", "no_role", "out_of_scope", "more_than_held", "unfit_scope"]
S = TypeVar("S", bound=msgspec.Struct)


class Scope(msgspec.Struct, frozen=True):
    """What a grant is over; `code` is empty for ALL alone."""

    kind: ScopeKind
    code: str = ""


class Grant(msgspec.Struct, frozen=True):
    """A role over a scope, from an instant (inclusive) to another (exclusive), µs; None: without end."""

    role: str
    scope: Scope
    valid_from_us: int = 0
    valid_to_us: int | None = None

    def in_force(self, now_us: int) -> bool:
        """Tell whether it counts at an instant."""
        return self.valid_from_us <= now_us and (self.valid_to_us is None or now_us < self.valid_to_us)


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who asks, with what they hold at this moment.

    Attributes:
        grants: Those in force.
        broken_glass: Scopes whose personal data were opened with a reason and have not been closed again.
        only: The actions to which a program acting for an account is held; None for the account itself.
    """

    grants: tuple[Grant, ...] = ()
    broken_glass: tuple[Scope, ...] = ()
    only: frozenset[str] | None = None


class Target(msgspec.Struct, frozen=True):
    """Where an object lies. An empty target lies nowhere: only a scope over everything holds it.

    Attributes:
        place_units: The unit of its place and all units above that one.
        body_units: The same for the area of its governing body.
        bodies: Its governing body.
        facilities, suppliers, stations, gateways: What it belongs to.
        parts: Of a facility: scopes of the gateways and suppliers within it.
    """

    place_units: frozenset[str] = frozenset()
    body_units: frozenset[str] = frozenset()
    bodies: frozenset[str] = frozenset()
    facilities: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()
    stations: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    parts: frozenset[Scope] = frozenset()


NOWHERE = Target()


class Decision(msgspec.Struct, frozen=True):
    """An answer with its reason, a code under `permission` in the message catalogues."""

    allowed: bool
    reason: Reason


ALLOWED = Decision(allowed=True, reason="allowed")


def decide(visitor: Visitor, action: str, target: Target | None = None) -> Decision:
    """Tell whether a visitor may do an action on an object; without a target, on any object at all."""
    if action not in table().actions:
        return Decision(allowed=False, reason="unknown_action")
    holding = [grant for grant, _ in _granting(visitor, action)]
    if not holding:
        return Decision(allowed=False, reason="no_role")
    if target is None or any(_holds(grant.scope, action, target) for grant in holding):
        return ALLOWED
    return Decision(allowed=False, reason="out_of_scope")


def actions(visitor: Visitor) -> frozenset[str]:
    """Return everything that a visitor may do on some object."""
    held = frozenset(action for _, role in _roles_of(visitor) for action in role.actions)
    return held if visitor.only is None else held & visitor.only


def functions(visitor: Visitor) -> tuple[str, ...]:
    """Return the entries of the visitor's menu, in order: those of its own roles and no others."""
    own = actions(visitor)
    return tuple(code for code, action in table().functions.items() if action in own)


def unbounded(visitor: Visitor, action: str) -> bool:
    """Tell whether a visitor may do an action on everything there is."""
    return decide(visitor, action, NOWHERE).allowed


def classes(visitor: Visitor, action: str, target: Target) -> frozenset[FieldClass]:
    """Return the classes of fields that a visitor sees of an object reached by an action."""
    seen: frozenset[FieldClass] = frozenset()
    for grant, role in _granting(visitor, action):
        if _holds(grant.scope, action, target):
            seen |= role.classes
            if role.break_glass and any(_holds(scope, action, target) for scope in visitor.broken_glass):
                seen |= {FieldClass.PERSONAL}
    return seen


def may_break_glass(visitor: Visitor, action: str, target: Target) -> bool:
    """Tell whether giving a reason would show the personal data of an object."""
    return any(
        role.break_glass and _holds(grant.scope, action, target) for grant, role in _granting(visitor, action)
    )


def may_grant(visitor: Visitor, wanted: Grant, target: Target) -> Decision:
    """Tell whether a visitor may issue or revoke a grant; `target` is where its scope lies.

    Nobody gives more than they hold: every action and class of the role, on that scope, for as long. The
    scope has to be of a kind that the role is made for.
    """
    role = roles().get(wanted.role)
    if role is None or wanted.scope.kind not in role.scopes:
        return Decision(allowed=False, reason="unfit_scope")
    allowed = decide(visitor, "grants:write", target)
    if not allowed.allowed:
        return allowed
    long_enough = tuple(grant for grant in visitor.grants if _lasts(grant, wanted.valid_to_us))
    lasting = msgspec.structs.replace(visitor, grants=long_enough)
    held = all(_held(lasting, action, role, target) for action in (*sorted(role.actions), "grants:write"))
    return ALLOWED if held else Decision(allowed=False, reason="more_than_held")


def field_class(kind: str, field: str) -> FieldClass:
    """Return the class of a field of a kind of object."""
    return table().fields.get(kind, {}).get(field, FieldClass.OPERATIONAL)


def redacted(kind: str, value: S, seen: frozenset[FieldClass]) -> S:
    """Return an object with every field that may not be seen emptied: its default, else "" or None."""
    hidden = {
        field.name: _empty(field)
        for field in msgspec.structs.fields(value)
        if field_class(kind, field.name) not in seen
    }
    return msgspec.structs.replace(value, **hidden) if hidden else value


def _empty(field: msgspec.structs.FieldInfo) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return "" if field.type is str else None


def _roles_of(visitor: Visitor) -> Iterator[tuple[Grant, Role]]:
    known = roles()
    for grant in visitor.grants:
        if grant.role in known:
            yield grant, known[grant.role]


def _granting(visitor: Visitor, action: str) -> Iterator[tuple[Grant, Role]]:
    if visitor.only is not None and action not in visitor.only:
        return iter(())
    return ((grant, role) for grant, role in _roles_of(visitor) if action in role.actions)


def _held(visitor: Visitor, action: str, role: Role, target: Target) -> bool:
    """Tell whether a visitor holds an action on a target, with every class that the role could see there."""
    reached: frozenset[FieldClass] = frozenset()
    for grant, own in _granting(visitor, action):
        if _holds(grant.scope, action, target):
            reached |= own.reachable_classes
    return decide(visitor, action, target).allowed and reached >= role.reachable_classes


def _lasts(grant: Grant, until_us: int | None) -> bool:
    return grant.valid_to_us is None or (until_us is not None and until_us <= grant.valid_to_us)


def _holds(scope: Scope, action: str, target: Target) -> bool:
    """Tell whether a scope holds a target, by the line that counts for an action."""
    rule = table().actions[action]
    lines = {
        ScopeKind.UNIT: target.place_units if rule.basis == "place" else target.body_units,
        ScopeKind.BODY: target.bodies,
        ScopeKind.FACILITY: target.facilities,
        ScopeKind.SUPPLIER: target.suppliers,
        ScopeKind.STATION: target.stations,
        ScopeKind.GATEWAY: target.gateways,
    }
    if scope.kind is ScopeKind.ALL:
        return True
    return scope.code in lines[scope.kind] or (rule.parts and scope in target.parts)
