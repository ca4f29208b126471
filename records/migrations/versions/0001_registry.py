"""Facilities, gateways, tanks, banks, supply systems and limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_registry"
down_revision = None
branch_labels = None
depends_on = None


def _facility() -> None:
    op.create_table(
        "facility",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("governing_body", sa.Text(), nullable=False),
        sa.Column("officer_name", sa.Text(), nullable=False),
        sa.Column("officer_phone", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_facility")),
    )


def _gateway() -> None:
    op.create_table(
        "gateway",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_gateway_facility")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_gateway")),
    )


def _supply_system() -> None:
    op.create_table(
        "supply_system",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_supply_system_facility")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_supply_system")),
    )


def _tank() -> None:
    op.create_table(
        "tank",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("name_vi", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.Column("working_pressure_pa", sa.Double(), nullable=False),
        sa.Column("fill_limit_fraction", sa.Double(), nullable=False),
        sa.Column("heel_fraction", sa.Double(), nullable=False),
        sa.Column("lead_time_h", sa.Double(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("expected_every_s", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("expected_every_s > 0", name=op.f("ck_tank_expected_every_s")),
        sa.CheckConstraint(
            "fill_limit_fraction > heel_fraction AND fill_limit_fraction <= 1",
            name=op.f("ck_tank_fill_limit_fraction"),
        ),
        sa.CheckConstraint("heel_fraction >= 0", name=op.f("ck_tank_heel_fraction")),
        sa.CheckConstraint("lead_time_h >= 0", name=op.f("ck_tank_lead_time_h")),
        sa.CheckConstraint("working_pressure_pa > 0", name=op.f("ck_tank_working_pressure_pa")),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_tank_facility")),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.code"], name=op.f("fk_tank_gateway")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tank")),
    )


def _bank() -> None:
    op.create_table(
        "bank",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("cylinder_count", sa.Integer(), nullable=False),
        sa.Column("shell_l", sa.Double(), nullable=False),
        sa.Column("full_pressure_pa", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "cylinder_count > 0 AND shell_l > 0 AND full_pressure_pa > 0", name=op.f("ck_bank_size")
        ),
        sa.ForeignKeyConstraint(["facility"], ["facility.code"], name=op.f("fk_bank_facility")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_bank")),
    )


def _registry_version() -> None:
    op.create_table(
        "registry_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_registry_version_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_version")),
    )


def _rule_setting() -> None:
    op.create_table(
        "rule_setting",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope_kind", sa.Text(), nullable=False),
        sa.Column("scope_code", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "scope_kind IN ('default', 'province', 'facility', 'system', 'tank')",
            name=op.f("ck_rule_setting_scope_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_setting")),
        sa.UniqueConstraint(
            "rule",
            "scope_kind",
            "scope_code",
            "version",
            name=op.f("uq_rule_setting_rule_scope_kind_scope_code_version"),
        ),
        sqlite_autoincrement=True,
    )


def upgrade() -> None:
    _facility()
    _gateway()
    _supply_system()
    _tank()
    _bank()
    _registry_version()
    _rule_setting()
    op.execute("INSERT INTO registry_version (id, version) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_table("rule_setting")
    op.drop_table("registry_version")
    op.drop_table("bank")
    op.drop_table("tank")
    op.drop_table("supply_system")
    op.drop_table("gateway")
    op.drop_table("facility")
