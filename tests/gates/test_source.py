"""What no file of the project may hold."""

from __future__ import annotations

import ast
import json
import re

import pytest

from tests.gates.source_tree import ROOT, python_files, shown, text_files

# Written in parts, so that this file does not hold what it looks for.
REGISTRIES = ("pypi" + r"\.org", "python" + r"hosted\.org", "registry" + r"\.npm", "npm" + "mirror")
ABSOLUTE = r"(?<![\w.])"
MACHINE_PATHS = tuple(ABSOLUTE + "/" + start for start in (r"home/\w+/", r"Users/\w+/", "root/", "work/"))
PROMISES = ("TO" + "DO", "FIX" + "ME", "X" * 3)
PURE_ROOMS = ("oxygen", "policy")
CLOCKS = {"now", "utcnow", "today"}


def hits(patterns: tuple[str, ...], *, word: bool = False) -> list[str]:
    """Return where any of the patterns stands in a tracked text file."""
    joined = "|".join(patterns)
    pattern = re.compile(rf"\b(?:{joined})\b" if word else joined)
    return [
        f"{shown(path, number)} {line.strip()[:80]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    """Whoever installs decides where from."""
    assert hits(REGISTRIES) == []


def test_no_file_holds_a_path_of_one_machine() -> None:
    """The tree works wherever it is put."""
    assert hits(MACHINE_PATHS) == []


def test_no_file_promises_later_work() -> None:
    """Open work has its place in the issue tracker."""
    assert hits(PROMISES, word=True) == []


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_the_python_lock_holds_hashes_and_no_address(name: str) -> None:
    """Every locked package has its hash, so that an altered file is refused wherever it comes from."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE)
    hashed = re.findall(r"^[a-z0-9][^\s=]*==[^\n]*\\\n +--hash=sha256:", text, re.MULTILINE)

    assert len(packages) == len(hashed) > 40
    assert "://" not in text


def test_the_runtime_lock_is_part_of_the_dev_lock() -> None:
    """Tests run what is shipped."""
    runtime, dev = (
        set(
            re.findall(r"^[a-z0-9][^\s=]*==[^\s;]+", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
        )
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime <= dev


def test_the_asset_lock_holds_hashes_and_no_address() -> None:
    """npm checks every asset's hash; where it is fetched from is the user's own setting."""
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []


def test_pure_rooms_ask_no_clock() -> None:
    """`datetime` is allowed there as a type; the moment is always an argument."""
    calls = [
        shown(path, node.lineno)
        for path, tree in python_files()
        if path.relative_to(ROOT).parts[0] in PURE_ROOMS
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert calls == []


def test_every_module_says_what_it_is() -> None:
    """A module begins with a docstring."""
    missing = [
        shown(path, 1)
        for path, tree in python_files()
        if tree.body and ast.get_docstring(tree) is None and "migrations" not in path.parts
    ]
    assert missing == []
