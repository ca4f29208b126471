"""Tables of the registry: what exists, where, and the limits that rules keep to."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from records.registry.structs import Member, Presence, Service, Switching
from records.schema import JsonText, instant, metadata, one_of, row_id

SCOPES = ("default", "province", "facility", "system", "tank")
"""From the widest to the nearest; the nearest wins."""


def retirement() -> tuple[Column[int], Column[str]]:
    """Return the columns of what can be taken out of use."""
    return (
        Column("retired_us", BigInteger, nullable=True),
        Column("retired_reason", Text, nullable=False, server_default=""),
    )


facility = Table(
    "facility",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("shard", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("governing_body", Text, nullable=False),
    Column("officer_name", Text, nullable=False),
    Column("officer_phone", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("unit", Text, ForeignKey("unit.code"), nullable=True),
    Column("address", Text, nullable=False, server_default=""),
    Column("latitude", Double, nullable=True),
    Column("longitude", Double, nullable=True),
    Column("body", Text, ForeignKey("body.code"), nullable=True),
    Column("icu_beds", Integer, nullable=True),
    Column("general_beds", Integer, nullable=True),
    Column("central_oxygen", Text, nullable=False, server_default="unknown"),
    Column("central_oxygen_year", Integer, nullable=True),
    Column("oxygen_terminal_units", Integer, nullable=True),
    Column("central_air", Text, nullable=False, server_default="unknown"),
    Column("central_air_year", Integer, nullable=True),
    Column("air_terminal_units", Integer, nullable=True),
    *retirement(),
    CheckConstraint("icu_beds >= 0 AND general_beds >= 0", name="beds"),
    CheckConstraint("oxygen_terminal_units >= 0 AND air_terminal_units >= 0", name="terminal_units"),
    CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="position"),
    one_of("central_oxygen", get_args(Presence)),
    one_of("central_air", get_args(Presence)),
)

gateway = Table(
    "gateway",
    metadata,
    Column("code", Text, primary_key=True),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("serial_number", Text, nullable=False, server_default=""),
    Column("installed_on", Text, nullable=True),
    Column("calibrated_on", Text, nullable=True),
    Column("calibration_valid_months", Integer, nullable=True),
    *retirement(),
    CheckConstraint("calibration_valid_months > 0", name="calibration_valid_months"),
)

supply_system = Table(
    "supply_system",
    metadata,
    Column("code", Text, primary_key=True),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("members", JsonText(tuple[Member, ...]), nullable=False),
    Column("version", Integer, nullable=False),
    Column("switching", Text, nullable=False, server_default="automatic"),
    *retirement(),
    one_of("switching", get_args(Switching)),
)

tank = Table(
    "tank",
    metadata,
    Column("code", Text, primary_key=True),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("system", Text, nullable=True),
    Column("gateway", Text, ForeignKey("gateway.code"), nullable=True),
    Column("name_vi", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("geometry", JsonText(dict), nullable=False),
    Column("working_pressure_pa", Double, nullable=False),
    Column("fill_limit_fraction", Double, nullable=False),
    Column("heel_fraction", Double, nullable=False),
    Column("lead_time_h", Double, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("expected_every_s", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Column("gas_service", Text, nullable=False, server_default="medical"),
    Column("industrial_since", Text, nullable=True),
    *retirement(),
    one_of("gas_service", get_args(Service)),
    CheckConstraint("working_pressure_pa > 0", name="working_pressure_pa"),
    CheckConstraint(
        "fill_limit_fraction > heel_fraction AND fill_limit_fraction <= 1", name="fill_limit_fraction"
    ),
    CheckConstraint("heel_fraction >= 0", name="heel_fraction"),
    CheckConstraint("lead_time_h >= 0", name="lead_time_h"),
    CheckConstraint("expected_every_s > 0", name="expected_every_s"),
)

bank = Table(
    "bank",
    metadata,
    Column("code", Text, primary_key=True),
    Column("facility", Text, ForeignKey("facility.code"), nullable=False),
    Column("system", Text, nullable=True),
    Column("cylinder_count", Integer, nullable=False),
    Column("shell_l", Double, nullable=False),
    Column("full_pressure_pa", Double, nullable=False),
    Column("version", Integer, nullable=False),
    *retirement(),
    CheckConstraint("cylinder_count > 0 AND shell_l > 0 AND full_pressure_pa > 0", name="size"),
)

registry_version = Table(
    "registry_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

rule_setting = Table(
    "rule_setting",
    metadata,
    row_id(),
    Column("rule", Text, nullable=False),
    Column("scope_kind", Text, nullable=False),
    Column("scope_code", Text, nullable=False),
    Column("params", JsonText(dict), nullable=False),
    Column("version", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    instant("set_us"),
    one_of("scope_kind", SCOPES),
    UniqueConstraint("rule", "scope_kind", "scope_code", "version"),
    sqlite_autoincrement=True,
)
