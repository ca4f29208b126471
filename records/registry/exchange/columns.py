"""The sheets of the registry's files and their columns, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from oxygen.geometry import HEADS, ORIENTATIONS
from oxygen.units import STANDARD_ATMOSPHERE_PA
from policy.conversion import Outcome, Step
from records.registry.holdings import (
    Body,
    BodyKind,
    ConversionStep,
    LinkRole,
    Sensor,
    SensorKind,
    SiteKind,
    Supplier,
    SupplierSite,
    SupplyLink,
    VesselKind,
    VesselLot,
)
from records.registry.structs import (
    Bank,
    Facility,
    Gateway,
    Presence,
    Service,
    SupplySystem,
    Switching,
    Tank,
)

Kind = Literal[
    "code",
    "text",
    "number",
    "integer",
    "day",
    "choice",
    "flag",
    "reference",
    "members",
    "strapping",
    "subject",
]
UNIT = "unit"
"""What a reference to an administrative unit is `of`."""


class Column(msgspec.Struct, frozen=True):
    """One column of a sheet.

    Attributes:
        name: Its machine code; the headings are `import_column.NAME` in the message catalogues.
        field: Field of the entry when it is called differently; `geometry.x` is a key of a mapping.
        needed: Whether a new entry is refused without it.
        choices: Codes that may be chosen.
        of: Sheet that a reference points to, or UNIT.
        unit: In which a number is written, as its heading says.
        factor, offset: Stored value = written value · factor + offset, kept as decimal texts to be exact.
        least, most: Written values that make sense; what lies outside is mostly another unit.
        instead: Column whose value is taken when this one is empty.
    """

    name: str
    kind: Kind = "text"
    field: str = ""
    needed: bool = False
    choices: tuple[str, ...] = ()
    of: str = ""
    unit: str = ""
    factor: str = "1"
    offset: str = "0"
    least: float | None = None
    most: float | None = None
    instead: str = ""

    @property
    def path(self) -> str:
        """The field that it fills."""
        return self.field or self.name


class Sheet(msgspec.Struct, frozen=True):
    """Entries of one kind; `name` is also the name of their table."""

    name: str
    shape: type
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """Return a column by its machine code, or None."""
        return next((column for column in self.columns if column.name == name), None)


_CODE = Column("code", "code", needed=True)
_NAMES = (Column("name_vi", needed=True), Column("name_en", needed=True, instead="name_vi"))
_PLACE = (
    Column("unit", "reference", of=UNIT),
    Column("address"),
    Column("latitude", "number", unit="°", least=-90, most=90),
    Column("longitude", "number", unit="°", least=-180, most=180),
)
_FACILITY = Column("facility", "reference", of="facility", needed=True)
_SERVICE = Column("gas_service", "choice", choices=get_args(Service))
_SINCE = Column("industrial_since", "day")
_INSTRUMENT = (
    Column("model"),
    Column("serial_number"),
    Column("installed_on", "day"),
    Column("calibrated_on", "day"),
    Column("calibration_valid_months", "integer", least=1, most=120),
)


def _count(name: str, *, needed: bool = False, least: int = 0) -> Column:
    return Column(name, "integer", needed=needed, least=least, most=1_000_000)


def _year(name: str) -> Column:
    return Column(name, "integer", least=1900, most=2200)


def _tonnes(name: str) -> Column:
    return Column(
        f"{name}_t_per_day",
        "number",
        field=f"{name}_kg_per_day",
        unit="t/day",
        factor="1000",
        least=0,
        most=5_000,
    )


def _gauge(*, needed: bool = False) -> Column:
    return Column(
        "full_pressure_bar_gauge",
        "number",
        field="full_pressure_pa",
        needed=needed,
        unit="bar",
        factor="100000",
        offset=f"{STANDARD_ATMOSPHERE_PA:.0f}",
        least=0.5,
        most=350,
    )


def _metres(name: str, most: float) -> Column:
    return Column(name, "number", field=f"geometry.{name}", unit="m", least=0.01, most=most)


def _presence(name: str, terminals: str) -> tuple[Column, ...]:
    present = Column(name, "choice", choices=get_args(Presence))
    return present, _year(f"{name}_year"), _count(terminals)


_TANK = (
    _CODE,
    _FACILITY,
    Column("system", "reference", of="supply_system"),
    Column("gateway", "reference", of="gateway"),
    *_NAMES,
    Column("orientation", "choice", field="geometry.orientation", needed=True, choices=tuple(ORIENTATIONS)),
    _metres("inner_diameter_m", 8),
    _metres("cylinder_length_m", 40),
    Column("head", "choice", field="geometry.head", choices=tuple(HEADS)),
    _metres("head_depth_m", 4),
    Column("strapping", "strapping", field="geometry.strapping"),
    Column(
        "working_pressure_bar",
        "number",
        field="working_pressure_pa",
        needed=True,
        unit="bar",
        factor="100000",
        least=0.5,
        most=40,
    ),
    Column("fill_limit_fraction", "number", least=0, most=1),
    Column("heel_fraction", "number", least=0, most=1),
    Column("lead_time_h", "number", unit="h", least=0, most=2_000),
    Column("supplier"),
    Column("expected_every_s", "number", unit="s", least=0.1, most=86_400),
    _SERVICE,
    _SINCE,
)

_ALL = (
    Sheet(
        "body",
        Body,
        (
            _CODE,
            Column("kind", "choice", needed=True, choices=get_args(BodyKind)),
            *_NAMES,
            Column("area", "reference", of=UNIT),
            Column("reports_to", "reference", of="body"),
        ),
    ),
    Sheet(
        "facility",
        Facility,
        (
            _CODE,
            *_NAMES,
            Column("shard", "code", needed=True),
            Column("place"),
            Column("governing_body"),
            *_PLACE,
            Column("body", "reference", of="body"),
            Column("officer_name"),
            _count("icu_beds"),
            _count("general_beds"),
            *_presence("central_oxygen", "oxygen_terminal_units"),
            *_presence("central_air", "air_terminal_units"),
        ),
    ),
    Sheet("supplier", Supplier, (_CODE, *_NAMES, Column("representative"))),
    Sheet(
        "supplier_site",
        SupplierSite,
        (
            _CODE,
            Column("supplier", "reference", of="supplier", needed=True),
            Column("kind", "choice", needed=True, choices=get_args(SiteKind)),
            *_NAMES,
            *_PLACE,
            Column("representative"),
            _tonnes("normal"),
            _tonnes("max"),
            _SERVICE,
            Column("convertible", "flag"),
        ),
    ),
    Sheet(
        "supply_link",
        SupplyLink,
        (
            _CODE,
            Column("supplier", "reference", of="supplier", needed=True),
            _FACILITY,
            Column("site", "reference", of="supplier_site"),
            Column("role", "choice", choices=get_args(LinkRole)),
        ),
    ),
    Sheet("gateway", Gateway, (_CODE, _FACILITY, *_INSTRUMENT)),
    Sheet(
        "supply_system",
        SupplySystem,
        (
            _CODE,
            _FACILITY,
            *_NAMES,
            Column("switching", "choice", choices=get_args(Switching)),
            Column("members", "members"),
        ),
    ),
    Sheet("tank", Tank, _TANK),
    Sheet(
        "bank",
        Bank,
        (
            _CODE,
            _FACILITY,
            Column("system", "reference", of="supply_system"),
            _count("cylinder_count", needed=True, least=1),
            Column("shell_l", "number", needed=True, unit="L", least=0.1, most=1_000),
            _gauge(needed=True),
        ),
    ),
    Sheet(
        "sensor",
        Sensor,
        (
            _CODE,
            _FACILITY,
            Column("kind", "choice", needed=True, choices=get_args(SensorKind)),
            Column("gateway", "reference", of="gateway"),
            Column("tank", "reference", of="tank"),
            *_INSTRUMENT,
        ),
    ),
    Sheet(
        "vessel_lot",
        VesselLot,
        (
            _CODE,
            Column("kind", "choice", needed=True, choices=get_args(VesselKind)),
            Column("shell_l", "number", needed=True, unit="L", least=0.1, most=5_000),
            _count("count", needed=True),
            Column("facility", "reference", of="facility"),
            Column("site", "reference", of="supplier_site"),
            _gauge(),
            _SERVICE,
            _SINCE,
            Column("note"),
        ),
    ),
    Sheet(
        "conversion_step",
        ConversionStep,
        (
            Column("subject", "subject", needed=True),
            Column("step", "choice", needed=True, choices=tuple(step.value for step in Step)),
            Column("done_on", "day", needed=True),
            Column("certificate", needed=True),
            Column("done_by", needed=True),
            Column("outcome", "choice", choices=tuple(outcome.value for outcome in Outcome)),
            Column("valid_to", "day"),
            Column("note"),
        ),
    ),
)

SHEETS: Mapping[str, Sheet] = {sheet.name: sheet for sheet in _ALL}
"""Every sheet by name, in the order in which they are stored: nothing refers to a later one.

Telephone numbers are in none of them: they are encrypted, and files are passed on.
"""
