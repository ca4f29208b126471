"""Administrative units with the days on which they hold: which exist, and what lies in them."""

from __future__ import annotations

from records.units.parsing import english_name, is_day, parse_units
from records.units.services import FIRST_DAY, get_unit, import_units, load_tree, shipped, units_at
from records.units.structs import Closing, Unit, UnitFile, UnitImport
from records.units.tree import UnitTree

__all__ = [
    "FIRST_DAY",
    "Closing",
    "Unit",
    "UnitFile",
    "UnitImport",
    "UnitTree",
    "english_name",
    "get_unit",
    "import_units",
    "is_day",
    "load_tree",
    "parse_units",
    "shipped",
    "units_at",
]
