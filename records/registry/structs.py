"""What the registry knows, as its services take and return it.

`version` counts the changes of a row; pass what was read, services ignore it unless asked to compare.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["primary", "secondary", "reserve"]


class Facility(msgspec.Struct, frozen=True):
    """A hospital. Reporting follows `governing_body`; alarms and maps follow `place`."""

    code: str
    name_vi: str
    name_en: str
    shard: str
    place: str = ""
    governing_body: str = ""
    officer_name: str = ""
    officer_phone: str = ""
    simulated: bool = False
    version: int = 0


class Gateway(msgspec.Struct, frozen=True):
    """An edge agent of a facility."""

    code: str
    facility: str
    version: int = 0


class Tank(msgspec.Struct, frozen=True):
    """A tank's entry in the registry; `oxygen.tank` turns `geometry` and pressures into physics.

    Attributes:
        geometry: As `oxygen.tank` reads it: orientation, lengths in m, head.
        working_pressure_pa: Absolute.
        fill_limit_fraction, heel_fraction: Of the inner volume.
        system, gateway: Codes, or None when the tank belongs to none.
        lead_time_h: From ordering to delivery.
        expected_every_s: Cadence of its samples.
    """

    code: str
    facility: str
    name_vi: str
    name_en: str
    geometry: dict[str, Any]
    working_pressure_pa: float
    system: str | None = None
    gateway: str | None = None
    fill_limit_fraction: float = 0.95
    heel_fraction: float = 0.05
    lead_time_h: float = 24.0
    supplier: str = ""
    expected_every_s: float = 10.0
    version: int = 0

    @property
    def subject(self) -> str:
        """`tank:CODE`."""
        return f"tank:{self.code}"


class Bank(msgspec.Struct, frozen=True):
    """Cylinders on a manifold; `shell_l` is the water volume of one, `full_pressure_pa` absolute."""

    code: str
    facility: str
    cylinder_count: int
    shell_l: float
    full_pressure_pa: float
    system: str | None = None
    version: int = 0


class Member(msgspec.Struct, frozen=True):
    """A subject's part in a supply system."""

    subject: str
    role: Role


class SupplySystem(msgspec.Struct, frozen=True):
    """Tanks and banks that feed one pipeline."""

    code: str
    facility: str
    name_vi: str
    name_en: str
    members: tuple[Member, ...] = ()
    version: int = 0


class Registry(msgspec.Struct, frozen=True):
    """Everything registered at one version, each kind ordered by code."""

    version: int
    facilities: tuple[Facility, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    tanks: tuple[Tank, ...] = ()
    banks: tuple[Bank, ...] = ()
    systems: tuple[SupplySystem, ...] = ()

    def facility(self, code: str) -> Facility | None:
        """Return a facility, or None."""
        return next((facility for facility in self.facilities if facility.code == code), None)

    def gateway(self, code: str) -> Gateway | None:
        """Return a gateway, or None."""
        return next((gateway for gateway in self.gateways if gateway.code == code), None)

    def tank(self, code: str) -> Tank | None:
        """Return a tank, or None."""
        return next((tank for tank in self.tanks if tank.code == code), None)


class RuleSetting(msgspec.Struct, frozen=True):
    """Limits of a rule at one scope.

    Attributes:
        scope_kind, scope_code: `default` and "", or province, facility, system or tank and its code.
        params: The limits that this scope sets; the others come from wider scopes.
        version: Counts the settings of this rule and scope, from 1.
    """

    rule: str
    scope_kind: str
    scope_code: str
    params: dict[str, Any]
    version: int
    set_by: str
    set_us: int
    id: int = 0
