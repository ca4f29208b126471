"""Reads a scenario from a file and refuses what does not fit together, naming file, line and key."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from firmware_sim.scenario import LINE_FAULTS, Event, Gateway, Scenario, System, Tank
from oxygen import devices
from oxygen.toml_file import TomlFile, convert, read_toml


def load(path: str | Path) -> Scenario:
    """Return the scenario written in a file.

    Raises:
        BadConfiguration: Naming file, line, key, what was found and what was expected; the caller stops.
    """
    file = read_toml(path)
    scenario = convert(file, Scenario)
    _check_codes(file, scenario)
    modules = devices.names()
    for index, gateway in enumerate(scenario.gateways):
        _require(
            file, gateway.module in modules, f"gateways[{index}].module", gateway.module, _one_of(modules)
        )
    _check_tanks(file, scenario)
    for index, event in enumerate(scenario.events):
        _check_event(file, f"events[{index}]", event, scenario)
    return scenario


def shipped(name: str) -> Scenario:
    """Return a scenario that ships with the project, such as "demo"; raises like `load`."""
    with resources.as_file(resources.files(__package__) / "scenarios" / f"{name}.toml") as path:
        return load(path)


def _require(file: TomlFile, holds: bool, key: str, found: object, expected: str) -> None:
    if not holds:
        raise file.problem(key, found=repr(found), expected=expected)


def _check_codes(file: TomlFile, scenario: Scenario) -> None:
    groups: dict[str, tuple[Gateway | System | Tank, ...]] = {
        "gateways": scenario.gateways,
        "systems": scenario.systems,
        "tanks": scenario.tanks,
    }
    for name, entries in groups.items():
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            _require(
                file, entry.code not in seen, f"{name}[{index}].code", entry.code, "a code not used before"
            )
            seen.add(entry.code)


def _check_tanks(file: TomlFile, scenario: Scenario) -> None:
    gateways = [gateway.code for gateway in scenario.gateways]
    systems = [system.code for system in scenario.systems]
    taken: set[tuple[str, int]] = set()
    for index, tank in enumerate(scenario.tanks):
        key = f"tanks[{index}]"
        _require(file, tank.gateway in gateways, f"{key}.gateway", tank.gateway, _one_of(gateways))
        _require(file, tank.system in systems, f"{key}.system", tank.system, _one_of(systems))
        for name in ("dp_channel", "pressure_channel"):
            channel = getattr(tank, name)
            free = (tank.gateway, channel) not in taken
            _require(file, free, f"{key}.{name}", channel, f"a channel of {tank.gateway} not used before")
            taken.add((tank.gateway, channel))
        for quantity, unit in (("dp", "mbar"), ("pressure", "bar")):
            low, high = (getattr(tank, f"{quantity}_at_{ma}_ma_{unit}") for ma in (4, 20))
            _require(file, high > low, f"{key}.{quantity}_at_20_ma_{unit}", high, f"more than {low}")
        _require(
            file,
            tank.heel_fraction < tank.fill_limit_fraction,
            f"{key}.heel_fraction",
            tank.heel_fraction,
            f"less than fill_limit_fraction, {tank.fill_limit_fraction}",
        )
    feeding = {tank.system for tank in scenario.tanks}
    for index, system in enumerate(scenario.systems):
        _require(file, system.code in feeding, f"systems[{index}].code", system.code, "a system with a tank")


def _check_event(file: TomlFile, key: str, event: Event, scenario: Scenario) -> None:
    if event.kind in LINE_FAULTS:
        lines = [
            gateway.code
            for gateway in scenario.gateways
            if event.kind == "module_silent" or gateway.line is not None
        ]
        _require(file, event.gateway in lines, f"{key}.gateway", event.gateway, _one_of(lines, "with a line"))
    else:
        tanks = [tank.code for tank in scenario.tanks]
        _require(file, event.tank in tanks, f"{key}.tank", event.tank, _one_of(tanks))
    if event.kind == "run_down":
        _require(
            file, event.to_fill_percent is not None, f"{key}.to_fill_percent", None, "a percentage of fill"
        )
        _require(file, event.over_s is not None, f"{key}.over_s", None, "seconds")
    elif event.kind == "refill":
        chosen = (event.kg is None) != (event.to_fill_percent is None)
        _require(file, chosen, key, event.kg, "either kg or to_fill_percent")
    else:
        ends = event.until_s is not None and event.until_s > event.at_s
        _require(file, ends, f"{key}.until_s", event.until_s, f"seconds, more than at_s {event.at_s}")
    if event.kind in ("follows_pressure", "plugged"):
        _require(file, event.signal == "dp", f"{key}.signal", event.signal, "'dp', the one with two lines")


def _one_of(codes: list[str], note: str = "") -> str:
    return f"one of {', '.join(codes) or '(there is none)'}{' ' + note if note else ''}"
