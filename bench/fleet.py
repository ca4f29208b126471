"""A fleet of simulated tanks for benchmarks: scenario, registry and gateways, any number of them."""

from __future__ import annotations

from pathlib import Path

from firmware_sim.scenario import Scenario
from firmware_sim.service import Ready
from oxywatch.demo.gateways import Cadence, Connection, write_gateway
from records.registry import Facility, Gateway, Registry, Tank

SHARD = "bench"
FACILITY = "bench-hospital"
TANKS_ON_A_GATEWAY = 4

_TANK = """
[[tanks]]
code = "{code}"
gateway = "{gateway}"
system = "{code}-system"
dp_channel = {dp}
pressure_channel = {pressure}
orientation = "vertical"
inner_diameter_m = 2.1
cylinder_length_m = 5.1
working_pressure_bar = 9.0
start_fill_percent = {fill}
dp_at_20_ma_mbar = 750.0

[[systems]]
code = "{code}-system"
demand_kg_per_h = 60.0

[[events]]
kind = "run_down"
tank = "{code}"
at_s = {at_s}
to_fill_percent = 5.0
over_s = {over_s}
"""


def write_scenario(path: Path, tanks: int, *, first_crossing_s: float, spread_s: float) -> None:
    """Write a world of `tanks` tanks, each of which is drawn below its limits at some time in the spread."""
    parts = ["seed = 7\nhistory_days = 1\n"]
    for number in range(tanks):
        gateway, place = divmod(number, TANKS_ON_A_GATEWAY)
        if place == 0:
            parts.append(f'\n[[gateways]]\ncode = "gw-{gateway:03d}"\nfacility = "{FACILITY}"\n')
        parts.append(
            _TANK.format(
                code=f"tank-{number:04d}",
                gateway=f"gw-{gateway:03d}",
                dp=2 * place,
                pressure=2 * place + 1,
                fill=31.0,
                at_s=first_crossing_s + spread_s * number / tanks,
                over_s=max(30.0, spread_s),
            )
        )
    path.write_text("".join(parts), encoding="utf-8")


def registry_of(scenario: Scenario) -> Registry:
    """Return the registry in which this fleet is known."""
    return Registry(
        version=0,
        facilities=(Facility(FACILITY, "Bệnh viện đo tải", "Benchmark hospital", SHARD, simulated=True),),
        gateways=tuple(Gateway(gateway.code, FACILITY) for gateway in scenario.gateways),
        tanks=tuple(
            Tank(
                code=tank.code,
                facility=FACILITY,
                name_vi=tank.code,
                name_en=tank.code,
                geometry={
                    "orientation": tank.orientation,
                    "inner_diameter_m": tank.inner_diameter_m,
                    "cylinder_length_m": tank.cylinder_length_m,
                    "head": tank.head,
                },
                working_pressure_pa=tank.working_pressure_bar * 1e5,
                gateway=tank.gateway,
            )
            for tank in scenario.tanks
        ),
    )


def write_gateways(
    folder: Path, scenario: Scenario, ready: Ready, broker_port: int, cadence: Cadence
) -> list[Path]:
    """Write every gateway's configuration; returns the files."""
    return [
        write_gateway(
            folder,
            scenario,
            gateway,
            SHARD,
            Connection(
                ready.gateways[gateway.code].host,
                ready.gateways[gateway.code].port,
                ready.gateways[gateway.code].unit,
                "127.0.0.1",
                broker_port,
            ),
            cadence,
        )
        for gateway in scenario.gateways
    ]
