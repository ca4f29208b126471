"""Administrative units, and the registry of what a facility has."""

from __future__ import annotations

revision = "0008_units_and_registry"
down_revision = "0007_person_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
