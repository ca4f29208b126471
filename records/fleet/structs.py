"""What the fleet's services take and return."""

from __future__ import annotations

import msgspec

from oxygen.wire.payloads import GatewayState


class DesiredConfig(msgspec.Struct, frozen=True):
    """One version of what a gateway is to do.

    Attributes:
        version: Counts a gateway's versions, from 1; the highest is the desired one.
        sha256: Of the body's UTF-8 bytes, hexadecimal.
        body: TOML.
        note, author: Why, and who.
    """

    gateway: str
    version: int
    sha256: str
    body: str
    note: str
    author: str
    created_us: int


class ReportedConfig(msgspec.Struct, frozen=True):
    """What a gateway said last of its configuration.

    Attributes:
        version, sha256: Of the desired one that it speaks of.
        ok: It accepted it; else `error` says, in English, what is wrong with it.
        reported_us: Server time of arrival.
    """

    gateway: str
    version: int
    sha256: str
    ok: bool
    error: str
    reported_us: int


class GatewayHealth(msgspec.Struct, frozen=True):
    """What a gateway said last of itself.

    Attributes:
        received_us: Server time of arrival.
        last_online_us: When it last said that it is there; None when it never did. A last will is not said
            by the gateway, so it moves `received_us` alone.
    """

    gateway: str
    facility: str
    state: GatewayState
    received_us: int
    last_online_us: int | None
