"""The project's own import contracts refuse what they are there to refuse."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from grimp import ImportGraph

from devtools.contracts import AllowedExternals, AllowedPart, ExclusiveLibrary, FindingsContract


def graph_of(*imports: tuple[str, str], externals: tuple[str, ...] = ()) -> ImportGraph:
    """Build a graph; every name in `externals` stands for a package outside the tree."""
    graph = ImportGraph()
    for name in externals:
        graph.add_module(name, is_squashed=True)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported, line_number=7, line_contents="import")
    return graph


def found(contract: type[FindingsContract], graph: ImportGraph, **options: Any) -> list[tuple[str, str]]:
    """Check one contract; return the pairs that it names."""
    check = contract("contract", {}, options).check(graph, verbose=False)
    assert check.kept == (not check.metadata["findings"])
    return [(importer, imported) for importer, imported, _ in check.metadata["findings"]]


def test_a_library_is_refused_outside_its_room() -> None:
    """Also in a room that no contract names, and in one whose name only begins the same."""
    graph = graph_of(
        ("telemetry.influx", "influxdb_client"),
        ("telemetry_tools", "influxdb_client"),
        ("newroom.deep.module", "influxdb_client"),
        externals=("influxdb_client",),
    )
    pairs = found(ExclusiveLibrary, graph, libraries=["influxdb_client"], only_in=["telemetry"])
    assert pairs == [("newroom.deep.module", "influxdb_client"), ("telemetry_tools", "influxdb_client")]


def test_a_library_nobody_uses_breaks_nothing() -> None:
    assert found(ExclusiveLibrary, graph_of(), libraries=["absent"], only_in=["telemetry"]) == []


def test_a_pure_room_may_use_only_what_is_listed() -> None:
    """The standard library is refused too, unless listed; imports inside the tree are no matter here."""
    graph = graph_of(
        ("oxygen.units", "math"),
        ("oxygen.units", "oxygen.errors"),
        ("oxygen.clock", "time"),
        ("ingest.main", "asyncio"),
        externals=("math", "time", "asyncio"),
    )
    assert found(AllowedExternals, graph, source_modules=["oxygen"], allowed=["math"]) == [
        ("oxygen.clock", "time")
    ]


def test_a_part_is_refused_behind_an_allowed_module() -> None:
    """What an allowed module imports counts as used."""
    graph = graph_of(
        ("firmware_sim.plant", "oxygen.units"),
        ("firmware_sim.plant", "oxygen.devices.load"),
        ("oxygen.devices.load", "oxygen.weighing"),
        ("edge_agent.main", "oxygen.rules"),
    )
    pairs = found(
        AllowedPart,
        graph,
        source_modules=["firmware_sim"],
        package="oxygen",
        allowed=["oxygen.units", "oxygen.devices"],
    )
    assert pairs == [("oxygen.devices.load", "oxygen.weighing")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_every_room_is_shipped_and_stands_on_a_floor(project: dict[str, Any], repository: Path) -> None:
    """A new room cannot be left out of the wheel, of the contracts or of the floors."""
    others = {"tests", "devtools"}
    folders = {path.parent.name for path in repository.glob("*/__init__.py")} - others
    linter = project["tool"]["importlinter"]
    floors = next(contract for contract in linter["contracts"] if contract["type"] == "layers")["layers"]

    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == folders
    assert set(linter["root_packages"]) == folders
    assert {room.strip() for floor in floors for room in floor.split("|")} == folders
