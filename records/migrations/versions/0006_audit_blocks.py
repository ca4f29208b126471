"""Audit rows sealed in blocks."""

from __future__ import annotations

revision = "0006_audit_blocks"
down_revision = "0005_guards_and_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
