"""Leases of shards, enrolment of gateways."""

from __future__ import annotations

revision = "0010_leases_and_enrolment"
down_revision = "0009_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
