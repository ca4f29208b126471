"""What exists: facilities and what they hold, bodies, suppliers, gateways, tanks, and the limits of rules."""

from __future__ import annotations

from records.registry.conversions import record_step, require_medical, use_of
from records.registry.counting import registry_version
from records.registry.holdings import (
    Body,
    ConversionStep,
    Sensor,
    Supplier,
    SupplierSite,
    SupplyLink,
    VesselLot,
)
from records.registry.questions import (
    beds,
    facilities_in,
    facilities_under,
    instruments,
    lacking_central_systems,
    reporting_line,
    sources_of,
    vessels_of,
)
from records.registry.retiring import reinstate, retire
from records.registry.rules import put_rule_setting, rule_history, rule_settings
from records.registry.services import (
    entries,
    import_registry,
    put,
    put_bank,
    put_facility,
    put_gateway,
    put_system,
    put_tank,
    registry,
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
    "Body",
    "ConversionStep",
    "Facility",
    "Gateway",
    "Member",
    "Registry",
    "RuleSetting",
    "Sensor",
    "Supplier",
    "SupplierSite",
    "SupplyLink",
    "SupplySystem",
    "Tank",
    "VesselLot",
    "beds",
    "entries",
    "facilities_in",
    "facilities_under",
    "import_registry",
    "instruments",
    "lacking_central_systems",
    "put",
    "put_bank",
    "put_facility",
    "put_gateway",
    "put_rule_setting",
    "put_system",
    "put_tank",
    "record_step",
    "registry",
    "registry_version",
    "reinstate",
    "reporting_line",
    "require_medical",
    "retire",
    "rule_history",
    "rule_settings",
    "sources_of",
    "use_of",
    "vessels_of",
]
