"""Many hospitals at once, for benchmarks: four tanks a module, of a few sizes, each with wards of its own."""

from __future__ import annotations

from firmware_sim.noise import key, uniform
from firmware_sim.scenario import Deliveries, Gateway, Scenario, System, Tank

TANKS_PER_MODULE = 4
# Orientation, inner diameter m, cylinder length m, working pressure bar absolute, span mbar, draw kg/h.
_MODELS = (
    ("vertical", 2.1, 5.1, 9.0, 750.0, 48.0),
    ("horizontal", 2.4, 5.85, 11.0, 300.0, 90.0),
    ("vertical", 1.8, 3.35, 10.0, 550.0, 40.0),
    ("vertical", 1.5, 2.35, 8.0, 400.0, 13.0),
)


def fleet(tank_count: int, seed: int = 1) -> Scenario:
    """Return a world of that many tanks: gateways gw-0001…, hospitals bv-0001…, tanks t-0001-1….

    Levels at the live start lie between 45 and 85 %; every tank has a supplier and a system of its own.
    """
    tanks: list[Tank] = []
    systems: list[System] = []
    gateways: list[Gateway] = []
    for index in range(tank_count):
        hospital, place = divmod(index, TANKS_PER_MODULE)
        number = f"{hospital + 1:04d}"
        if place == 0:
            gateways.append(Gateway(code=f"gw-{number}", facility=f"bv-{number}"))
        tank = _tank(index, number, place, seed)
        tanks.append(tank)
        systems.append(System(code=tank.system, demand_kg_per_h=_MODELS[place][5]))
    return Scenario(seed=seed, gateways=tuple(gateways), systems=tuple(systems), tanks=tuple(tanks))


def _tank(index: int, number: str, place: int, seed: int) -> Tank:
    orientation, diameter_m, length_m, working_bar, span_mbar, _ = _MODELS[place]
    return Tank(
        code=f"t-{number}-{place + 1}",
        gateway=f"gw-{number}",
        system=f"s-{number}-{place + 1}",
        dp_channel=2 * place,
        pressure_channel=2 * place + 1,
        orientation="vertical" if orientation == "vertical" else "horizontal",
        inner_diameter_m=diameter_m,
        cylinder_length_m=length_m,
        working_pressure_bar=working_bar,
        start_fill_percent=45.0 + 40.0 * uniform(key(seed, "fleet"), index),
        dp_at_20_ma_mbar=span_mbar,
        deliveries=Deliveries(),
    )
