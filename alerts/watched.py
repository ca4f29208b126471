"""What is watched: every registered tank, with its limits and the names that messages call it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from oxygen.rules.limits import Limits, Setting, effective_limits
from records.registry import Facility, Registry, Tank

_log = structlog.get_logger(__name__)


class Names(msgspec.Struct, frozen=True):
    """What people call a tank and its hospital, by locale."""

    tank_vi: str
    tank_en: str
    facility_vi: str
    facility_en: str
    simulated: bool


class Watched(msgspec.Struct, frozen=True):
    """One subject that alarms may speak of.

    Attributes:
        subject, facility: Registry names.
        lead_time_h: The supplier's delivery time.
        limits: What holds for it.
        names: For messages.
    """

    subject: str
    facility: str
    lead_time_h: float
    limits: Limits
    names: Names


class WatchList(msgspec.Struct, frozen=True):
    """Everything watched at one version of the registry.

    Attributes:
        version: Of the registry.
        subjects: By subject.
        facilities: Code and shard of every facility.
    """

    version: int
    subjects: Mapping[str, Watched]
    facilities: Mapping[str, str]


def watch_list(registry: Registry, settings: Sequence[Setting]) -> WatchList:
    """Return what is watched; settings that cannot be read are left out and logged."""
    facilities = {facility.code: facility for facility in registry.facilities}
    subjects = {tank.subject: _watched(tank, facilities[tank.facility], settings) for tank in registry.tanks}
    for watched in subjects.values():
        for problem in watched.limits.problems:
            _log.error(
                "a rule's setting cannot be read and is left out", subject=watched.subject, problem=problem
            )
    return WatchList(
        version=registry.version,
        subjects=subjects,
        facilities={facility.code: facility.shard for facility in registry.facilities},
    )


def _watched(tank: Tank, facility: Facility, settings: Sequence[Setting]) -> Watched:
    limits = effective_limits(
        settings, province=facility.shard, facility=facility.code, system=tank.system, tank=tank.code
    )
    names = Names(
        tank_vi=tank.name_vi,
        tank_en=tank.name_en,
        facility_vi=facility.name_vi,
        facility_en=facility.name_en,
        simulated=facility.simulated,
    )
    return Watched(tank.subject, facility.code, tank.lead_time_h, limits, names)
