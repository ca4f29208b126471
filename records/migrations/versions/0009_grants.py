"""Grants, second factors, API tokens."""

from __future__ import annotations

revision = "0009_grants"
down_revision = "0008_units_and_registry"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
