"""How gateways are, as the fleet's pages show it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import msgspec

from oxygen.units import US_PER_S
from records.fleet import DesiredConfig, GatewayHealth, ReportedConfig
from records.registry import Gateway

ONLINE, OFFLINE, SILENT, NEVER = "online", "offline", "silent", "never"
"""Says that it is there; has said goodbye or was lost by the broker; says nothing; never said anything."""
NONE_WANTED, TAKEN, REFUSED, WAITING = "none", "taken", "refused", "waiting"
"""What became of the desired configuration."""


class GatewayRow(msgspec.Struct, frozen=True):
    """One gateway.

    Attributes:
        health: What it said last; None when it never did.
        standing: One of online, offline, silent, never.
        desired, reported: Configurations; None when there is none.
        configuration: One of none, taken, refused, waiting.
    """

    code: str
    facility: str
    health: GatewayHealth | None
    standing: str
    desired: DesiredConfig | None
    reported: ReportedConfig | None
    configuration: str

    @property
    def spool_hours_left(self) -> float | None:
        """Hours that the spool still takes; None while nobody knows, and for a gateway that is not there.

        A last will holds zeros, which must not look like an empty spool.
        """
        known = self.health is not None and self.standing == ONLINE
        return self.health.state.spool_hours_left if self.health is not None and known else None


def gateway_row(
    gateway: Gateway,
    health: GatewayHealth | None,
    desired: DesiredConfig | None,
    reported: ReportedConfig | None,
    *,
    now_us: int,
    silent_after_s: float,
) -> GatewayRow:
    """Return a gateway's row; a state older than `silent_after_s` is not current whatever it says."""
    return GatewayRow(
        code=gateway.code,
        facility=gateway.facility,
        health=health,
        standing=_standing(health, now_us, silent_after_s),
        desired=desired,
        reported=reported,
        configuration=_configuration(desired, reported),
    )


def changes(before: str, after: str) -> Sequence[tuple[str, str]]:
    """Return the lines of a change as (mark, text): `+` new, `-` gone, space kept, `@` a place."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [(line[0], line[1:]) for line in list(lines)[2:]]


def _standing(health: GatewayHealth | None, now_us: int, silent_after_s: float) -> str:
    if health is None:
        return NEVER
    if not health.state.online:
        return OFFLINE
    return SILENT if now_us - health.received_us > silent_after_s * US_PER_S else ONLINE


def _configuration(desired: DesiredConfig | None, reported: ReportedConfig | None) -> str:
    if desired is None:
        return NONE_WANTED
    if reported is None or (reported.version, reported.sha256) != (desired.version, desired.sha256):
        return WAITING
    return TAKEN if reported.ok else REFUSED
