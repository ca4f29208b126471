"""What one visitor may see and do among all that is registered, from memory."""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

import msgspec

from policy import permission
from policy.permission import Target, Visitor
from policy.roles import FieldClass
from records.permission.whereabouts import Whereabouts
from records.registry import Facility, Registry

S = TypeVar("S", bound=msgspec.Struct)


class Visible:
    """A visitor before the registry; made anew for every request, so that a revoked grant ends at once.

    Attributes:
        visitor: Who, with the grants in force.
        where: Where everything lies.
    """

    def __init__(self, visitor: Visitor, where: Whereabouts) -> None:
        self.visitor = visitor
        self.where = where
        self._whole: dict[str, frozenset[str]] = {}
        self._parts: dict[str, frozenset[str]] = {}

    @cached_property
    def actions(self) -> frozenset[str]:
        """Everything that the visitor may do on some object."""
        return permission.actions(self.visitor)

    def may(self, action: str, target: Target | None = None) -> bool:
        """Tell whether an action is allowed on an object; without one, on any object at all."""
        return permission.decide(self.visitor, action, target).allowed

    def everywhere(self, action: str) -> bool:
        """Tell whether an action is allowed on everything there is."""
        return permission.unbounded(self.visitor, action)

    def on_facility(self, action: str, code: str | None) -> bool:
        """Tell whether an action is allowed on a facility; None stands for all of them together."""
        return self.may(action, self.where.facility(code))

    def on_subject(self, action: str, subject: str, facility: str | None) -> bool:
        """Tell whether an action is allowed on a tank, a gateway, or another subject of a facility."""
        return self.may(action, self.where.subject(subject, facility))

    def facilities(self, action: str) -> frozenset[str]:
        """Return the codes of the registered facilities that are wholly in scope of an action."""
        if action not in self._whole:
            codes = self.where.facilities
            self._whole[action] = frozenset(
                code for code in codes if self.may(action, self.where.whole(code))
            )
        return self._whole[action]

    def parts(self, action: str) -> frozenset[str]:
        """Return the tanks and gateways in scope of an action whose facility is not."""
        if action not in self._parts:
            whole = self.facilities(action)
            self._parts[action] = frozenset(
                subject
                for subject, target in self.where.subjects.items()
                if not target.facilities <= whole and self.may(action, target)
            )
        return self._parts[action]

    def classes(self, action: str, target: Target) -> frozenset[FieldClass]:
        """Return the classes of fields that the visitor sees of an object."""
        return permission.classes(self.visitor, action, target)

    def through_glass(self, action: str, target: Target) -> bool:
        """Tell whether personal data of an object are seen only because the glass is broken."""
        whole = Visitor(self.visitor.grants)
        return FieldClass.PERSONAL not in permission.classes(whole, action, target)

    def redacted(self, kind: str, value: S, action: str, target: Target) -> S:
        """Return an object without the fields that the visitor may not see."""
        return permission.redacted(kind, value, self.classes(action, target))

    @cached_property
    def registry(self) -> Registry:
        """What is registered and visible; a facility of which a part is stands there with that part alone."""
        known = self.where.registry
        whole = self.facilities("facilities:read")
        gateways = self.facilities("gateways:read"), self.parts("gateways:read")
        tanks = self.facilities("tanks:read"), self.parts("tanks:read")
        shown = tuple(each for each in known.tanks if each.facility in tanks[0] or each.subject in tanks[1])
        named = {tank.facility for tank in shown}
        named |= {code for code in self.where.facilities if self.on_facility("facilities:read", code)}
        return Registry(
            version=known.version,
            facilities=tuple(self.facility(each) for each in known.facilities if each.code in named),
            gateways=tuple(
                each
                for each in known.gateways
                if each.facility in gateways[0] or f"gateway:{each.code}" in gateways[1]
            ),
            tanks=shown,
            banks=tuple(each for each in known.banks if each.facility in whole),
            systems=tuple(each for each in known.systems if each.facility in whole),
        )

    def facility(self, entry: Facility, action: str = "facilities:read") -> Facility:
        """Return a facility without the fields that the visitor, who reaches it by an action, may not see."""
        return self.redacted("facility", entry, action, self.where.facility(entry.code))
