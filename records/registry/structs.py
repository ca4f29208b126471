"""What the registry knows, as its services take and return it.

`version` counts the changes of a row; pass what was read, services ignore it unless asked to compare.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Role = Literal["primary", "secondary", "reserve"]
ROLES: tuple[Role, ...] = ("primary", "secondary", "reserve")
Service = Literal["medical", "industrial"]
Presence = Literal["present", "absent", "unknown"]
Switching = Literal["automatic", "manual", "parallel"]


class Facility(msgspec.Struct, frozen=True):
    """A hospital. Reporting follows its governing body; alarms and maps follow its place.

    Every count is None as long as nobody said it: unknown is not 0.

    Attributes:
        shard: Given when its first gateway is enrolled, and never changed while it has one.
        place, governing_body: As people write them; `unit` and `body` are what programs go by.
        unit: Code of the administrative unit that it lies in, the nearest that is known.
        body: Code of the body that it reports to.
        latitude, longitude: WGS 84, in degrees.
        central_oxygen, central_air: Whether it has a central system of medical oxygen and compressed air,
            with the year of its start and its terminal units.
        retired_us: When it was taken out of use; its code is never given again.
    """

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
    unit: str | None = None
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    body: str | None = None
    icu_beds: int | None = None
    general_beds: int | None = None
    central_oxygen: Presence = "unknown"
    central_oxygen_year: int | None = None
    oxygen_terminal_units: int | None = None
    central_air: Presence = "unknown"
    central_air_year: int | None = None
    air_terminal_units: int | None = None
    retired_us: int | None = None
    retired_reason: str = ""


class Gateway(msgspec.Struct, frozen=True):
    """An edge agent of a facility; `policy.calibration` tells when its inputs are due."""

    code: str
    facility: str
    version: int = 0
    model: str = ""
    serial_number: str = ""
    installed_on: str | None = None
    calibrated_on: str | None = None
    calibration_valid_months: int | None = None
    retired_us: int | None = None
    retired_reason: str = ""


class Tank(msgspec.Struct, frozen=True):
    """A tank's entry in the registry; `oxygen.tank` turns `geometry` and pressures into physics.

    Attributes:
        geometry: As `oxygen.tank` reads it: orientation, lengths in m, head.
        working_pressure_pa: Absolute.
        fill_limit_fraction, heel_fraction: Of the inner volume.
        system, gateway: Codes, or None when the tank belongs to none.
        lead_time_h: From ordering to delivery.
        expected_every_s: Cadence of its samples.
        supplier: Code of its supplier, or a name as long as the supplier is not registered.
        gas_service: What it was made for, or last used for; `policy.conversion` decides what it counts as.
        industrial_since: Day of its last turn to industrial gas; conversions before it no longer count.
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
    gas_service: Service = "medical"
    industrial_since: str | None = None
    retired_us: int | None = None
    retired_reason: str = ""

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
    retired_us: int | None = None
    retired_reason: str = ""


class Member(msgspec.Struct, frozen=True):
    """A subject's part in a supply system; of a role the lowest `order` comes first, equal ones together."""

    subject: str
    role: Role
    order: int = 0


class SupplySystem(msgspec.Struct, frozen=True):
    """Tanks and banks that feed one pipeline; `switching` tells how the next of them takes over."""

    code: str
    facility: str
    name_vi: str
    name_en: str
    members: tuple[Member, ...] = ()
    version: int = 0
    switching: Switching = "automatic"
    retired_us: int | None = None
    retired_reason: str = ""

    def order_of_use(self) -> tuple[tuple[Member, ...], ...]:
        """Return the members in the order in which they feed the pipeline; those used at once together."""
        steps: dict[tuple[int, int], list[Member]] = {}
        for member in self.members:
            steps.setdefault((ROLES.index(member.role), member.order), []).append(member)
        return tuple(tuple(steps[step]) for step in sorted(steps))


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
