"""Administrative units, and the registry of what a facility has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008_units_and_registry"
down_revision = "0007_person_keys"
branch_labels = None
depends_on = None

_RETIRABLE = ("facility", "gateway", "supply_system", "tank", "bank")
_NEW_CHECKS = {
    "facility": {
        "beds": "icu_beds >= 0 AND general_beds >= 0",
        "terminal_units": "oxygen_terminal_units >= 0 AND air_terminal_units >= 0",
        "position": "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
        "central_oxygen": "central_oxygen IN ('present', 'absent', 'unknown')",
        "central_air": "central_air IN ('present', 'absent', 'unknown')",
    },
    "gateway": {"calibration_valid_months": "calibration_valid_months > 0"},
    "supply_system": {"switching": "switching IN ('automatic', 'manual', 'parallel')"},
    "tank": {"gas_service": "gas_service IN ('medical', 'industrial')"},
    "bank": {},
}
_FACILITY_KEYS = {"unit": "unit", "body": "body"}


def _text(name: str, default: str | None = "") -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=default is None, server_default=default)


def _retirement() -> list[sa.Column[Any]]:
    return [sa.Column("retired_us", sa.BigInteger(), nullable=True), _text("retired_reason")]


def _number(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _new_columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "facility": [
            _text("unit", None),
            _text("address"),
            _number("latitude", sa.Double()),
            _number("longitude", sa.Double()),
            _text("body", None),
            _number("icu_beds", sa.Integer()),
            _number("general_beds", sa.Integer()),
            _text("central_oxygen", "unknown"),
            _number("central_oxygen_year", sa.Integer()),
            _number("oxygen_terminal_units", sa.Integer()),
            _text("central_air", "unknown"),
            _number("central_air_year", sa.Integer()),
            _number("air_terminal_units", sa.Integer()),
        ],
        "gateway": [
            _text("model"),
            _text("serial_number"),
            _text("installed_on", None),
            _text("calibrated_on", None),
            _number("calibration_valid_months", sa.Integer()),
        ],
        "supply_system": [_text("switching", "automatic")],
        "tank": [_text("gas_service", "medical"), _text("industrial_since", None)],
        "bank": [],
    }


@contextmanager
def _views_aside() -> Iterator[None]:
    """Take SQLite's views away while tables they read are made anew, and put them back."""
    connection = op.get_bind()
    views: Sequence[Any] = ()
    if connection.dialect.name == "sqlite":
        found = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
        views = connection.execute(found).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    yield
    for _, sql in views:
        op.execute(sql)


def _widen(table: str) -> None:
    with op.batch_alter_table(table) as batch:
        for column in (*_new_columns()[table], *_retirement()):
            batch.add_column(column)
        for name, sql in _NEW_CHECKS[table].items():
            batch.create_check_constraint(op.f(f"ck_{table}_{name}"), sa.text(sql))
        if table == "facility":
            for column, other in _FACILITY_KEYS.items():
                batch.create_foreign_key(op.f(f"fk_facility_{column}"), other, [column], ["code"])


def _narrow(table: str) -> None:
    with op.batch_alter_table(table) as batch:
        if table == "facility":
            for column in _FACILITY_KEYS:
                batch.drop_constraint(op.f(f"fk_facility_{column}"), type_="foreignkey")
        for name in _NEW_CHECKS[table]:
            batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        for column in (*_new_columns()[table], *_retirement()):
            batch.drop_column(column.name)


def _unit() -> None:
    op.create_table(
        "unit",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("official_code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("parent IS NULL OR parent <> code", name=op.f("ck_unit_parent")),
        sa.CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name=op.f("ck_unit_valid_to")),
        sa.ForeignKeyConstraint(["parent"], ["unit.code"], name=op.f("fk_unit_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit")),
    )
    op.create_index(op.f("ix_unit_level"), "unit", ["level"], unique=False)
    op.create_index(op.f("ix_unit_parent"), "unit", ["parent"], unique=False)


def _unit_successor() -> None:
    op.create_table(
        "unit_successor",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("successor", sa.Text(), nullable=False),
        sa.CheckConstraint("unit <> successor", name=op.f("ck_unit_successor_successor")),
        sa.ForeignKeyConstraint(["successor"], ["unit.code"], name=op.f("fk_unit_successor_successor")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_unit_successor_unit")),
        sa.PrimaryKeyConstraint("unit", "successor", name=op.f("pk_unit_successor")),
    )


def _body() -> None:
    op.create_table(
        "body",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("reports_to", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('doh', 'moh', 'ministry_health_service', 'other')", name=op.f("ck_body_kind")
        ),
        sa.CheckConstraint("reports_to IS NULL OR reports_to <> code", name=op.f("ck_body_reports_to")),
        sa.ForeignKeyConstraint(["area"], ["unit.code"], name=op.f("fk_body_area")),
        sa.ForeignKeyConstraint(["reports_to"], ["body.code"], name=op.f("fk_body_reports_to")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_body")),
    )


def _supplier() -> None:
    op.create_table(
        "supplier",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("representative", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_supplier")),
    )


def _supplier_site() -> None:
    op.create_table(
        "supplier_site",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("representative", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("normal_kg_per_day", sa.Double(), nullable=True),
        sa.Column("max_kg_per_day", sa.Double(), nullable=True),
        sa.Column("gas_service", sa.Text(), nullable=False),
        sa.Column("convertible", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "gas_service IN ('medical', 'industrial')", name=op.f("ck_supplier_site_gas_service")
        ),
        sa.CheckConstraint(
            "kind IN ('plant', 'dealer', 'filling_station')", name=op.f("ck_supplier_site_kind")
        ),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_supplier_site_position"),
        ),
        sa.CheckConstraint(
            "normal_kg_per_day >= 0 AND normal_kg_per_day <= max_kg_per_day",
            name=op.f("ck_supplier_site_capacity"),
        ),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_site_supplier")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=op.f("fk_supplier_site_unit")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_supplier_site")),
    )


def _supply_link() -> None:
    op.create_table(
        "supply_link",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("role IN ('main', 'backup')", name=op.f("ck_supply_link_role")),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_supply_link_facility")),
        sa.ForeignKeyConstraint(["site"], ["supplier_site.code"], name=op.f("fk_supply_link_site")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supply_link_supplier")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_supply_link")),
        sa.UniqueConstraint(
            "supplier", "facility", "site", name=op.f("uq_supply_link_supplier_facility_site")
        ),
    )
    op.create_index(op.f("ix_supply_link_facility"), "supply_link", ["facility"], unique=False)


def _sensor() -> None:
    op.create_table(
        "sensor",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("tank", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial_number", sa.Text(), nullable=False),
        sa.Column("installed_on", sa.Text(), nullable=True),
        sa.Column("calibrated_on", sa.Text(), nullable=True),
        sa.Column("calibration_valid_months", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('differential_pressure', 'pressure', 'weight', 'level', 'flow', 'temperature')",
            name=op.f("ck_sensor_kind"),
        ),
        sa.CheckConstraint("calibration_valid_months > 0", name=op.f("ck_sensor_calibration_valid_months")),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_sensor_facility")),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_sensor_gateway")),
        sa.ForeignKeyConstraint(["tank"], ["tank.code"], name=op.f("fk_sensor_tank")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sensor")),
    )


def _vessel_lot() -> None:
    op.create_table(
        "vessel_lot",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shell_l", sa.Double(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("full_pressure_pa", sa.Double(), nullable=True),
        sa.Column("gas_service", sa.Text(), nullable=False),
        sa.Column("industrial_since", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.Column("retired_reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "gas_service IN ('medical', 'industrial')", name=op.f("ck_vessel_lot_gas_service")
        ),
        sa.CheckConstraint("kind IN ('cylinder', 'portable_liquid')", name=op.f("ck_vessel_lot_kind")),
        sa.CheckConstraint("(facility IS NULL) <> (site IS NULL)", name=op.f("ck_vessel_lot_holder")),
        sa.CheckConstraint("full_pressure_pa > 0", name=op.f("ck_vessel_lot_full_pressure_pa")),
        sa.CheckConstraint("shell_l > 0 AND count >= 0", name=op.f("ck_vessel_lot_size")),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_vessel_lot_facility")),
        sa.ForeignKeyConstraint(["site"], ["supplier_site.code"], name=op.f("fk_vessel_lot_site")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_vessel_lot")),
    )
    op.create_index(op.f("ix_vessel_lot_facility"), "vessel_lot", ["facility"], unique=False)


def _conversion_step() -> None:
    op.create_table(
        "conversion_step",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("done_on", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('passed', 'failed', 'withdrawn')", name=op.f("ck_conversion_step_outcome")
        ),
        sa.CheckConstraint(
            "step IN ('vented', 'cleaned', 'valve', 'test', 'colour', 'purity')",
            name=op.f("ck_conversion_step_step"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversion_step")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_conversion_step_subject_id"), "conversion_step", ["subject", "id"], unique=False)


def _guard() -> None:
    """Conversion steps are history: they are added to and never changed."""
    if op.get_bind().dialect.name == "postgresql":
        rows = "CREATE TRIGGER conversion_step_append_only BEFORE UPDATE OR DELETE ON conversion_step"
        whole = "CREATE TRIGGER conversion_step_no_truncate BEFORE TRUNCATE ON conversion_step"
        op.execute(f"{rows} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        op.execute(f"{whole} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        return
    refuse = "BEGIN SELECT RAISE(ABORT, 'append-only: conversion_step'); END"
    for change in ("update", "delete"):
        name = f"conversion_step_no_{change}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {change.upper()} ON conversion_step {refuse}")


def upgrade() -> None:
    _unit()
    _unit_successor()
    _body()
    with _views_aside():
        for table in _RETIRABLE:
            _widen(table)
    _supplier()
    _supplier_site()
    _supply_link()
    _sensor()
    _vessel_lot()
    _conversion_step()
    _guard()


def downgrade() -> None:
    for table in ("conversion_step", "vessel_lot", "sensor", "supply_link", "supplier_site", "supplier"):
        op.drop_table(table)
    with _views_aside():
        for table in reversed(_RETIRABLE):
            _narrow(table)
    for table in ("body", "unit_successor", "unit"):
        op.drop_table(table)
