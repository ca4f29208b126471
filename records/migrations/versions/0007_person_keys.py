"""Keys of persons, blind indexes."""

from __future__ import annotations

revision = "0007_person_keys"
down_revision = "0006_audit_blocks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
