"""Bodies, suppliers, instruments and vessels of the registry as values."""

from __future__ import annotations

from typing import Literal

import msgspec

from policy.conversion import Outcome, Step
from records.registry.structs import Service

BodyKind = Literal["doh", "moh", "ministry_health_service", "other"]
SiteKind = Literal["plant", "dealer", "filling_station"]
LinkRole = Literal["main", "backup"]
SensorKind = Literal["differential_pressure", "pressure", "weight", "level", "flow", "temperature"]
VesselKind = Literal["cylinder", "portable_liquid"]


class Body(msgspec.Struct, frozen=True):
    """A governing body (cơ quan chủ quản): a department of health, the ministry, another ministry's service.

    Attributes:
        area: Code of the administrative unit that it is responsible for, or None for the whole country.
        reports_to: Code of the body above it, or None.
    """

    code: str
    kind: BodyKind
    name_vi: str
    name_en: str
    area: str | None = None
    reports_to: str | None = None
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""


class Supplier(msgspec.Struct, frozen=True):
    """A company that makes, trades or fills oxygen."""

    code: str
    name_vi: str
    name_en: str
    representative: str = ""
    phone: str = ""
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""


class SupplierSite(msgspec.Struct, frozen=True):
    """A plant, dealer or filling station of a supplier.

    Attributes:
        normal_kg_per_day, max_kg_per_day: Oxygen that it makes, sells or fills; None when nobody said.
        gas_service: What it is licensed for.
        convertible: Whether its industrial part can be turned to medical oxygen.
    """

    code: str
    supplier: str
    kind: SiteKind
    name_vi: str
    name_en: str
    unit: str | None = None
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    representative: str = ""
    phone: str = ""
    normal_kg_per_day: float | None = None
    max_kg_per_day: float | None = None
    gas_service: Service = "medical"
    convertible: bool = False
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""


class SupplyLink(msgspec.Struct, frozen=True):
    """A supplier's duty towards a facility, from one of its sites or (None) from any."""

    code: str
    supplier: str
    facility: str
    site: str | None = None
    role: LinkRole = "main"
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""


class Sensor(msgspec.Struct, frozen=True):
    """An instrument on a tank or in a room, read by a gateway; `policy.calibration` tells when it is due."""

    code: str
    facility: str
    kind: SensorKind
    gateway: str | None = None
    tank: str | None = None
    model: str = ""
    serial_number: str = ""
    installed_on: str | None = None
    calibrated_on: str | None = None
    calibration_valid_months: int | None = None
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""


class VesselLot(msgspec.Struct, frozen=True):
    """Cylinders or portable liquid vessels of one size that a facility or a supplier's site holds.

    Attributes:
        facility, site: Who holds them; exactly one of the two.
        shell_l: Water volume of one.
        full_pressure_pa: Absolute, of a full one; None for liquid.
        gas_service, industrial_since: As of a tank.
    """

    code: str
    kind: VesselKind
    shell_l: float
    count: int
    facility: str | None = None
    site: str | None = None
    full_pressure_pa: float | None = None
    gas_service: Service = "medical"
    industrial_since: str | None = None
    note: str = ""
    version: int = 0
    retired_us: int | None = None
    retired_reason: str = ""

    @property
    def subject(self) -> str:
        """`lot:CODE`."""
        return f"lot:{self.code}"


class ConversionStep(msgspec.Struct, frozen=True):
    """A step of a vessel's conversion to medical oxygen, as certified; see `policy.conversion`.

    Attributes:
        subject: `tank:CODE` or `lot:CODE`.
        recorded_us, recorded_by: When and by whom it was entered.
    """

    subject: str
    step: Step
    done_on: str
    certificate: str
    done_by: str
    outcome: Outcome = Outcome.PASSED
    valid_to: str | None = None
    note: str = ""
    recorded_us: int = 0
    recorded_by: str = ""
    id: int = 0
