"""The registry as ingest needs it: which tank is whose, how it is weighed, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from oxygen.errors import Rejected
from oxygen.rules.limits import Limits, Setting, effective_limits
from oxygen.tank import Tank, parse_geometry
from records.registry import Registry
from records.registry import Tank as RegisteredTank

_log = structlog.get_logger(__name__)


class TankEntry(msgspec.Struct, frozen=True):
    """One tank of the shard.

    Attributes:
        subject, facility, gateway: Registry names; gateway None for a tank without telemetry.
        tank: Physics.
        limits: The rules in force for it.
    """

    subject: str
    facility: str
    gateway: str | None
    tank: Tank
    limits: Limits


class RegistryView(msgspec.Struct, frozen=True):
    """What ingest knows of its shard.

    Attributes:
        version: Of the registry this was made from.
        tanks: By subject.
        unweighable: Facility of every tank whose registered data are impossible: its readings are kept until
            somebody corrects them.
        owners: Gateway of every subject that has one.
        gateways: Facility of every gateway.
        problems: Tanks that cannot be weighed as registered, each with the reason.
    """

    version: int
    tanks: Mapping[str, TankEntry]
    unweighable: Mapping[str, str]
    owners: Mapping[str, str]
    gateways: Mapping[str, str]
    problems: tuple[str, ...]


def view_of(registry: Registry, settings: Sequence[Setting], shard: str) -> RegistryView:
    """Return the view of one shard. A tank with impossible data is not weighed but named in `problems`."""
    facilities = {item.code for item in registry.facilities if item.shard == shard}
    tanks: dict[str, TankEntry] = {}
    unweighable: dict[str, str] = {}
    owners: dict[str, str] = {}
    problems: list[str] = []
    for registered in registry.tanks:
        if registered.facility not in facilities:
            continue
        if registered.gateway is not None:
            owners[registered.subject] = registered.gateway
        try:
            tanks[registered.subject] = _entry(registered, settings, shard)
        except Rejected as error:
            problems.append(f"tank {registered.code}: {error}")
            unweighable[registered.subject] = registered.facility
    if problems:
        _log.error("tanks cannot be weighed as registered", problems=problems)
    return RegistryView(
        version=registry.version,
        tanks=tanks,
        unweighable=unweighable,
        owners=owners,
        gateways={item.code: item.facility for item in registry.gateways if item.facility in facilities},
        problems=tuple(problems),
    )


def _entry(registered: RegisteredTank, settings: Sequence[Setting], shard: str) -> TankEntry:
    tank = Tank(
        code=registered.code,
        facility=registered.facility,
        geometry=parse_geometry(registered.geometry),
        working_pressure_pa=registered.working_pressure_pa,
        fill_limit_fraction=registered.fill_limit_fraction,
        heel_fraction=registered.heel_fraction,
        lead_time_h=registered.lead_time_h,
    )
    limits = effective_limits(
        settings,
        province=shard,
        facility=registered.facility,
        system=registered.system,
        tank=registered.code,
    )
    return TankEntry(registered.subject, registered.facility, registered.gateway, tank, limits)
