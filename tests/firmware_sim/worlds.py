"""Small worlds for the tests: one gateway, tanks without noise unless asked."""

from __future__ import annotations

from typing import Any

import msgspec

from firmware_sim.scenario import Event, Gateway, Noise, Scenario, System, Tank

NOON_US = 1_763_701_200_000_000
"""2025-11-21 12:00 in Vietnam."""

SILENT = Noise(
    dp_white_percent=0.0, dp_slow_percent=0.0, pressure_white_percent=0.0, pressure_slow_percent=0.0
)

VERTICAL = Tank(
    code="vertical-1",
    gateway="gw-test",
    system="test-main",
    dp_channel=0,
    pressure_channel=1,
    orientation="vertical",
    inner_diameter_m=2.1,
    cylinder_length_m=5.1,
    working_pressure_bar=9.0,
    start_fill_percent=60.0,
    dp_at_20_ma_mbar=750.0,
)

HORIZONTAL = msgspec.structs.replace(
    VERTICAL,
    code="horizontal-1",
    system="test-annex",
    dp_channel=2,
    pressure_channel=3,
    orientation="horizontal",
    inner_diameter_m=2.4,
    cylinder_length_m=5.85,
    dp_at_20_ma_mbar=300.0,
)


def scenario(
    *tanks: Tank, events: tuple[Event, ...] = (), demand_kg_per_h: float = 60.0, **settings: Any
) -> Scenario:
    """Return a world of these tanks (default: the vertical one) with a silent module unless told."""
    chosen = tanks or (VERTICAL,)
    systems = dict.fromkeys(tank.system for tank in chosen)
    defaults: dict[str, Any] = {
        "noise": SILENT,
        "gateways": (Gateway(code="gw-test", facility="bv-test"),),
        "systems": tuple(System(code=code, demand_kg_per_h=demand_kg_per_h) for code in systems),
    }
    return Scenario(tanks=chosen, events=events, **{**defaults, **settings})


def seconds(value: float) -> int:
    """Return µs."""
    return round(value * 1_000_000)
