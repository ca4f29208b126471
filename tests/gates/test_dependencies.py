"""What is shipped imports only what installing it brings."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.gates.source_tree import ROOT, python_files, shown

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "devtools"}
# Part of a package that is declared: its own face to programmers, kept in step by its makers.
COMES_WITH = {"starlette": "fastapi"}
# Makes tables of the source tree; never run where OxyWatch is installed.
BUILD_TOOLS = {"bench"}


def normal(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    """Return the distribution names in a list of requirements."""
    return {normal(re.split(r"[\[<>=!~; ]", text, maxsplit=1)[0]) for text in requirements}


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the top-level package of every absolute import, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], node.lineno


def test_every_import_of_a_room_is_declared() -> None:
    """A package that only the tests, or another package, happen to bring would be missing one day."""
    runtime = declared(PROJECT["dependencies"])
    with_dev = runtime | declared(PROJECT["optional-dependencies"]["dev"])
    brought_by = packages_distributions()
    undeclared = []
    for path, tree in python_files():
        room = path.relative_to(ROOT).parts[0]
        if room not in ROOMS:
            continue
        for name, line in imported(tree):
            if name in sys.stdlib_module_names or name in ROOMS:
                continue
            makers = {normal(maker) for maker in brought_by.get(COMES_WITH.get(name, name), [name])}
            if not makers & (with_dev if room in BUILD_TOOLS else runtime):
                undeclared.append(f"{shown(path, line)} imports {name}")
    assert undeclared == []


def test_every_declared_package_is_locked() -> None:
    """The lock was written after the last change of pyproject.toml."""
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    names = {normal(name) for name in re.findall(r"^([A-Za-z0-9][^\s=\[]*)", locked, re.MULTILINE)}
    wanted = declared(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    assert wanted - names == set()
