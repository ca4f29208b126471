"""What is known of a tank beside its figures: the vessel, and the limits that hold for it."""

from __future__ import annotations

from collections.abc import Sequence

from api import formats
from api.language import Language
from api.physics import physical_tank
from oxygen.geometry import StrappingTable
from oxygen.rules.limits import Limits, Rule, effective_limits
from oxygen.units import PA_PER_BAR, S_PER_HOUR
from records.registry import Facility, RuleSetting, Tank

Facts = list[tuple[str, str]]


def vessel_facts(entry: Tank, language: Language) -> Facts:
    """Return (label, value) pairs of the vessel and its delivery; what is not known is left out."""
    tank = physical_tank(entry)
    facts: Facts = []
    if tank is not None:
        facts += _geometry(entry, language)
        facts += [
            (language.gettext("Inner volume"), f"{language.number(tank.geometry.inner_volume_m3, 2)} m³"),
            (language.gettext("Capacity (liquid at the fill limit)"), _mass(tank.capacity_kg, language)),
            (language.gettext("Heel (counts as empty)"), _mass(tank.heel_kg, language)),
        ]
    bar = language.number(entry.working_pressure_pa / PA_PER_BAR, 1)
    lead = formats.duration(entry.lead_time_h * S_PER_HOUR, language)
    facts += [
        (language.gettext("Working pressure (absolute)"), f"{bar} bar"),
        (language.gettext("Time from order to delivery"), lead),
    ]
    if entry.supplier:
        facts.append((language.gettext("Supplier"), entry.supplier))
    return facts


def _geometry(entry: Tank, language: Language) -> Facts:
    shape = entry.geometry
    words = {"vertical": language.gettext("vertical"), "horizontal": language.gettext("horizontal")}
    facts: Facts = [
        (language.gettext("Orientation"), words.get(str(shape.get("orientation")), formats.ABSENT))
    ]
    tank = physical_tank(entry)
    if tank is not None and not isinstance(tank.geometry, StrappingTable):
        diameter = language.number(tank.geometry.inner_diameter_m, 2)
        length = language.number(tank.geometry.cylinder_length_m, 2)
        facts.append((language.gettext("Inner diameter × cylinder length"), f"{diameter} m × {length} m"))
    return facts


def limit_facts(limits: Limits, entry: Tank, language: Language) -> list[tuple[str, str, str]]:
    """Return (what, limit, where it comes from) of the limits that a reader asks for."""
    stock = limits.stock
    reorder_h = entry.lead_time_h + stock.reorder_margin_h
    rows = [
        (
            Rule.LOW_STOCK,
            "reorder_percent",
            language.code("band.reorder"),
            _share(stock.reorder_percent, language),
        ),
        (Rule.LOW_STOCK, "reorder_margin_h", language.code("band.reorder"), _hours(reorder_h, language)),
        (
            Rule.LOW_STOCK,
            "urgent_percent",
            language.code("band.urgent"),
            _share(stock.urgent_percent, language),
        ),
        (Rule.LOW_STOCK, "urgent_h", language.code("band.urgent"), _hours(stock.urgent_h, language)),
        (
            Rule.LOW_STOCK,
            "critical_percent",
            language.code("band.critical"),
            _share(stock.critical_percent, language),
        ),
        (Rule.LOW_STOCK, "critical_h", language.code("band.critical"), _hours(stock.critical_h, language)),
        (
            Rule.STALE_DATA,
            "after_s",
            language.code("state.stale"),
            language.gettext("after %(span)s") % {"span": formats.duration(limits.stale.after_s, language)},
        ),
    ]
    return [(what, value, _origin(limits, rule, name, language)) for rule, name, what, value in rows]


def tank_limits(settings: Sequence[RuleSetting], entry: Tank, facility: Facility) -> Limits:
    """Return the limits that hold for a tank."""
    return effective_limits(
        settings,
        province=facility.shard,
        facility=facility.code,
        system=entry.system,
        tank=entry.code,
    )


def _origin(limits: Limits, rule: Rule, name: str, language: Language) -> str:
    origin = limits.origin(rule, name)
    text = language.code(f"scope.{origin.scope_kind}")
    if origin.version:
        text += language.gettext(", version %(n)s") % {"n": origin.version}
    return text


def _mass(mass_kg: float, language: Language) -> str:
    kg, litres = formats.kilograms(mass_kg, language), formats.litres(mass_kg, language)
    return f"{kg} · {litres} · {formats.normal_m3(mass_kg, language)}"


def _share(percent: float, language: Language) -> str:
    return f"≤ {formats.percent(percent, language)}"


def _hours(hours: float, language: Language) -> str:
    return f"≤ {formats.duration(hours * S_PER_HOUR, language)}"
