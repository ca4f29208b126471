"""Tables of bodies, suppliers, instruments, vessels and their conversion."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from policy.conversion import Outcome, Step
from records.registry.holdings import BodyKind, LinkRole, SensorKind, SiteKind, VesselKind
from records.registry.models import retirement
from records.registry.structs import Service
from records.schema import instant, metadata, one_of, row_id

body = Table(
    "body",
    metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("area", Text, ForeignKey("unit.code"), nullable=True),
    Column("reports_to", Text, ForeignKey("body.code"), nullable=True),
    Column("version", Integer, nullable=False),
    *retirement(),
    one_of("kind", get_args(BodyKind)),
    CheckConstraint("reports_to IS NULL OR reports_to <> code", name="reports_to"),
)

supplier = Table(
    "supplier",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("representative", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *retirement(),
)

supplier_site = Table(
    "supplier_site",
    metadata,
    Column("code", Text, primary_key=True),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("unit", Text, ForeignKey("unit.code"), nullable=True),
    Column("address", Text, nullable=False),
    Column("latitude", Double, nullable=True),
    Column("longitude", Double, nullable=True),
    Column("representative", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("normal_kg_per_day", Double, nullable=True),
    Column("max_kg_per_day", Double, nullable=True),
    Column("gas_service", Text, nullable=False),
    Column("convertible", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    *retirement(),
    one_of("kind", get_args(SiteKind)),
    one_of("gas_service", get_args(Service)),
    CheckConstraint("normal_kg_per_day >= 0 AND normal_kg_per_day <= max_kg_per_day", name="capacity"),
    CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="position"),
)

supply_link = Table(
    "supply_link",
    metadata,
    Column("code", Text, primary_key=True),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("site", Text, ForeignKey("supplier_site.code"), nullable=True),
    Column("role", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *retirement(),
    one_of("role", get_args(LinkRole)),
    UniqueConstraint("supplier", "facility", "site"),
    Index(None, "facility"),
)

sensor = Table(
    "sensor",
    metadata,
    Column("code", Text, primary_key=True),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("gateway", Text, ForeignKey("gateway.code"), nullable=True),
    Column("tank", Text, ForeignKey("tank.code"), nullable=True),
    Column("model", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("installed_on", Text, nullable=True),
    Column("calibrated_on", Text, nullable=True),
    Column("calibration_valid_months", Integer, nullable=True),
    Column("version", Integer, nullable=False),
    *retirement(),
    one_of("kind", get_args(SensorKind)),
    CheckConstraint("calibration_valid_months > 0", name="calibration_valid_months"),
)

vessel_lot = Table(
    "vessel_lot",
    metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("shell_l", Double, nullable=False),
    Column("count", Integer, nullable=False),
    Column("facility", Text, ForeignKey("facility.code"), nullable=True),
    Column("site", Text, ForeignKey("supplier_site.code"), nullable=True),
    Column("full_pressure_pa", Double, nullable=True),
    Column("gas_service", Text, nullable=False),
    Column("industrial_since", Text, nullable=True),
    Column("note", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *retirement(),
    one_of("kind", get_args(VesselKind)),
    one_of("gas_service", get_args(Service)),
    CheckConstraint("shell_l > 0 AND count >= 0", name="size"),
    CheckConstraint("full_pressure_pa > 0", name="full_pressure_pa"),
    CheckConstraint("(facility IS NULL) <> (site IS NULL)", name="holder"),
    Index(None, "facility"),
)

conversion_step = Table(
    "conversion_step",
    metadata,
    row_id(),
    Column("subject", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("done_on", Text, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("done_by", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("valid_to", Text, nullable=True),
    Column("note", Text, nullable=False),
    instant("recorded_us"),
    Column("recorded_by", Text, nullable=False),
    one_of("step", tuple(Step)),
    one_of("outcome", tuple(Outcome)),
    Index(None, "subject", "id"),
    sqlite_autoincrement=True,
)
