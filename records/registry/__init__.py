"""What exists: facilities, gateways, tanks, banks, supply systems, and the limits of rules."""

from __future__ import annotations

from records.registry.rules import put_rule_setting, rule_history, rule_settings
from records.registry.services import (
    import_registry,
    put_bank,
    put_facility,
    put_gateway,
    put_system,
    put_tank,
    registry,
    registry_version,
)
from records.registry.structs import (
    Bank,
    Facility,
    Gateway,
    Member,
    Registry,
    RuleSetting,
    SupplySystem,
    Tank,
)

__all__ = [
    "Bank",
    "Facility",
    "Gateway",
    "Member",
    "Registry",
    "RuleSetting",
    "SupplySystem",
    "Tank",
    "import_registry",
    "put_bank",
    "put_facility",
    "put_gateway",
    "put_rule_setting",
    "put_system",
    "put_tank",
    "registry",
    "registry_version",
    "rule_history",
    "rule_settings",
]
