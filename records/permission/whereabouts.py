"""Where every registered thing lies, so that policy can tell which scopes hold it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from policy.permission import Scope, Target
from policy.roles import ScopeKind
from records.database import Transaction
from records.permission.areas import Areas, UnitAreas, body_of
from records.registry import Body, Registry, Tank, entries, registry, registry_version
from records.units import load_tree


class Whereabouts:
    """Targets of everything registered at one version of the registry.

    Attributes:
        registry: What is registered.
        areas: Which units hold which facility.
        bodies: Governing bodies by code, those taken out of use too.
        facilities, gateways: Targets by code.
        subjects: Targets of tanks and gateways, by subject.
    """

    def __init__(self, known: Registry, areas: Areas, bodies: Iterable[Body] = ()) -> None:
        self.registry = known
        self.areas = areas
        self.bodies = {body.code: body for body in bodies}
        self.facilities = self._facility_targets()
        self.gateways = {
            gateway.code: msgspec.structs.replace(
                self.whole(gateway.facility), gateways=frozenset((gateway.code,))
            )
            for gateway in known.gateways
        }
        self.subjects = {tank.subject: self._tank(tank) for tank in known.tanks}
        self.subjects |= {f"gateway:{code}": target for code, target in self.gateways.items()}

    def facility(self, code: str | None) -> Target:
        """Return where a facility lies; one that is not registered lies only in itself, None nowhere."""
        if code is None:
            return Target()
        return self.facilities.get(code) or Target(facilities=frozenset((code,)))

    def whole(self, facility: str | None) -> Target:
        """Return where a facility lies, for what belongs to all of it: a part does not reach it."""
        return msgspec.structs.replace(self.facility(facility), parts=frozenset())

    def subject(self, subject: str, facility: str | None) -> Target:
        """Return where a tank or gateway lies, or anything else of a facility."""
        return self.subjects.get(subject) or self.whole(facility)

    def scope(self, scope: Scope) -> Target | None:
        """Return where a scope lies, for judging who may give rights over it; None when there is none."""
        if scope.kind is ScopeKind.ALL:
            return Target()
        if scope.kind is ScopeKind.FACILITY:
            return self.facilities.get(scope.code)
        if scope.kind is ScopeKind.GATEWAY:
            return self.gateways.get(scope.code)
        if scope.kind is ScopeKind.UNIT:
            return self._unit(scope.code)
        if scope.kind is ScopeKind.BODY:
            return Target(bodies=self._line(scope.code))
        codes = frozenset((scope.code,))
        return Target(suppliers=codes) if scope.kind is ScopeKind.SUPPLIER else Target(stations=codes)

    def _line(self, body: str) -> frozenset[str]:
        """Return a governing body and those that it reports to; whoever has one above has it too."""
        line: set[str] = set()
        code: str | None = body
        while code and code not in line:
            line.add(code)
            above = self.bodies.get(code)
            code = above.reports_to if above else None
        return frozenset(line)

    def _facility_targets(self) -> dict[str, Target]:
        known = self.registry
        parts: dict[str, set[Scope]] = {facility.code: set() for facility in known.facilities}
        for gateway in known.gateways:
            parts[gateway.facility].add(Scope(ScopeKind.GATEWAY, gateway.code))
        for tank in known.tanks:
            if tank.supplier:
                parts[tank.facility].add(Scope(ScopeKind.SUPPLIER, tank.supplier))
            if tank.gateway:
                parts[tank.facility].add(Scope(ScopeKind.GATEWAY, tank.gateway))
        return {
            facility.code: Target(
                place_units=self.areas.of_place(facility),
                body_units=self.areas.of_body(facility),
                bodies=self._line(body_of(facility)),
                facilities=frozenset((facility.code,)),
                parts=frozenset(parts[facility.code]),
            )
            for facility in known.facilities
        }

    def _unit(self, code: str) -> Target | None:
        if not self.areas.knows(code):
            return None
        above = self.areas.above(code)
        return Target(place_units=above, body_units=above)

    def _tank(self, tank: Tank) -> Target:
        return msgspec.structs.replace(
            self.whole(tank.facility),
            suppliers=frozenset((tank.supplier,)) - {""},
            gateways=frozenset((tank.gateway,) if tank.gateway else ()),
        )


class WhereaboutsCache:
    """Keeps the whereabouts until the registry changes or a day passes; one per database."""

    def __init__(self) -> None:
        self._kept: tuple[int, date, Whereabouts] | None = None

    async def at(self, tx: Transaction, today: date) -> Whereabouts:
        """Return the whereabouts of the registry as this transaction sees it."""
        version = await registry_version(tx)
        if self._kept is None or self._kept[:2] != (version, today):
            self._kept = (version, today, await whereabouts(tx, today))
        return self._kept[2]


async def whereabouts(tx: Transaction, today: date) -> Whereabouts:
    """Read the registry and return where everything lies on a local day."""
    known = await registry(tx)
    bodies = await entries(tx, Body, with_retired=True)
    areas = {body.code: body.area for body in bodies if body.area}
    return Whereabouts(known, UnitAreas(await load_tree(tx), known.facilities, areas, today), bodies)
