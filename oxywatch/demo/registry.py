"""The registry of the simulated hospitals: names from `hospitals.toml`, physics from the scenario."""

from __future__ import annotations

import tomllib
from importlib import resources

import msgspec

from firmware_sim.scenario import Scenario, System
from firmware_sim.scenario import Tank as SimulatedTank
from oxygen.units import PA_PER_BAR, STANDARD_ATMOSPHERE_PA
from records.registry import Bank, Facility, Gateway, Member, Registry, SupplySystem, Tank


class FacilityNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hospital as people know it."""

    name_vi: str
    name_en: str
    place: str
    governing_body: str
    officer_name: str


class TankNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tank as people know it, and its supplier's delivery time."""

    name_vi: str
    name_en: str
    lead_time_h: float
    supplier: str


class SystemNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A supply system as people know it."""

    name_vi: str
    name_en: str


class Hospitals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    shard: str
    facilities: dict[str, FacilityNames]
    tanks: dict[str, TankNames]
    systems: dict[str, SystemNames]


def hospitals() -> Hospitals:
    """Return the shipped names."""
    text = resources.files(__package__).joinpath("hospitals.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Hospitals)


def demo_registry(scenario: Scenario, names: Hospitals) -> Registry:
    """Return what the registry should hold; raises KeyError for a scenario with codes that have no name."""
    facility_of = {gateway.code: gateway.facility for gateway in scenario.gateways}
    system_facility = {tank.system: facility_of[tank.gateway] for tank in scenario.tanks}
    return Registry(
        version=0,
        facilities=tuple(_facility(code, names) for code in sorted(set(facility_of.values()))),
        gateways=tuple(Gateway(code, facility) for code, facility in facility_of.items()),
        tanks=tuple(_tank(tank, facility_of[tank.gateway], names) for tank in scenario.tanks),
        banks=tuple(
            _bank(system, system_facility[system.code]) for system in scenario.systems if system.bank
        ),
        systems=tuple(_system(system, system_facility, scenario, names) for system in scenario.systems),
    )


def _facility(code: str, names: Hospitals) -> Facility:
    known = msgspec.structs.asdict(names.facilities[code])
    return Facility(code=code, shard=names.shard, simulated=True, **known)


def _tank(tank: SimulatedTank, facility: str, names: Hospitals) -> Tank:
    known = names.tanks[tank.code]
    geometry = {
        "orientation": tank.orientation,
        "inner_diameter_m": tank.inner_diameter_m,
        "cylinder_length_m": tank.cylinder_length_m,
        "head": tank.head,
    }
    if tank.head_depth_m is not None:
        geometry["head_depth_m"] = tank.head_depth_m
    return Tank(
        code=tank.code,
        facility=facility,
        name_vi=known.name_vi,
        name_en=known.name_en,
        geometry=geometry,
        working_pressure_pa=tank.working_pressure_bar * PA_PER_BAR,
        system=tank.system,
        gateway=tank.gateway,
        fill_limit_fraction=tank.fill_limit_fraction,
        heel_fraction=tank.heel_fraction,
        lead_time_h=known.lead_time_h,
        supplier=known.supplier,
    )


def _bank(system: System, facility: str) -> Bank:
    assert system.bank is not None
    return Bank(
        code=system.bank.code,
        facility=facility,
        cylinder_count=system.bank.cylinders,
        shell_l=system.bank.shell_l,
        full_pressure_pa=system.bank.full_bar * PA_PER_BAR + STANDARD_ATMOSPHERE_PA,
        system=system.code,
    )


def _system(
    system: System, facility_of: dict[str, str], scenario: Scenario, names: Hospitals
) -> SupplySystem:
    tanks = [tank.code for tank in scenario.tanks if tank.system == system.code]
    members = [
        Member(f"tank:{code}", "primary" if index == 0 else "secondary") for index, code in enumerate(tanks)
    ]
    if system.bank is not None:
        members.append(Member(f"bank:{system.bank.code}", "reserve"))
    known = names.systems[system.code]
    return SupplySystem(
        code=system.code,
        facility=facility_of[system.code],
        name_vi=known.name_vi,
        name_en=known.name_en,
        members=tuple(members),
    )
