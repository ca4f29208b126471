"""Configuration files of the simulated hospitals' gateways, written as a technician would write them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from firmware_sim.scenario import Gateway, Scenario, Tank


class Connection(NamedTuple):
    """Where a gateway's instruments and broker answer."""

    module_host: str
    module_port: int
    unit: int
    broker_host: str
    broker_port: int


class Cadence(NamedTuple):
    """How often the gateways poll and publish, s."""

    every_s: float = 10.0
    batch_s: float = 10.0


def write_gateway(
    folder: Path,
    scenario: Scenario,
    gateway: Gateway,
    shard: str,
    connection: Connection,
    cadence: Cadence,
) -> Path:
    """Write one gateway's TOML and return its path; the same input writes the same text."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{gateway.code}.toml"
    tanks = [tank for tank in scenario.tanks if tank.gateway == gateway.code]
    parts = [_head(gateway, shard, connection, cadence)]
    parts += [_tank(tank, gateway, connection) for tank in tanks]
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _head(gateway: Gateway, shard: str, connection: Connection, cadence: Cadence) -> str:
    return f"""# A simulated hospital's gateway, written by `oxywatch run` at every start.

[gateway]
code = "{gateway.code}"
facility = "{gateway.facility}"
shard = "{shard}"
altitude_m = {gateway.altitude_m}
trust_clock = true

[broker]
host = "{connection.broker_host}"
port = {connection.broker_port}

[poll]
every_s = {cadence.every_s}
batch_s = {cadence.batch_s}

[[bus]]
name = "module"
kind = "modbus-tcp"
host = "{connection.module_host}"
port = {connection.module_port}
"""


def _tank(tank: Tank, gateway: Gateway, connection: Connection) -> str:
    return f"""[[tank]]
code = "{tank.code}"
bus = "module"
device = "{gateway.module}"
unit = {connection.unit}

[tank.dp]
point = "channel{tank.dp_channel}_ma"
at_4_ma = "{tank.dp_at_4_ma_mbar} mbar"
at_20_ma = "{tank.dp_at_20_ma_mbar} mbar"

[tank.pressure]
point = "channel{tank.pressure_channel}_ma"
at_4_ma = "{tank.pressure_at_4_ma_bar} bar"
at_20_ma = "{tank.pressure_at_20_ma_bar} bar"
gauge = true
"""
