"""From a registry entry to physics."""

from __future__ import annotations

from oxygen import tank as physical
from oxygen.errors import Rejected
from records.registry import Tank


def physical_tank(entry: Tank) -> physical.Tank | None:
    """Return the tank that an entry describes; None when its geometry is not one that can exist."""
    try:
        return physical.Tank(
            code=entry.code,
            facility=entry.facility,
            geometry=physical.parse_geometry(entry.geometry),
            working_pressure_pa=entry.working_pressure_pa,
            fill_limit_fraction=entry.fill_limit_fraction,
            heel_fraction=entry.heel_fraction,
            lead_time_h=entry.lead_time_h,
        )
    except Rejected:
        return None
