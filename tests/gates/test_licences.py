"""Everything passed on, or installed beside OxyWatch, has a licence that lets a province use it freely."""

from __future__ import annotations

import json
import re

import pytest

from devtools.licences import licence_of, locked_names, table
from tests.gates.source_tree import ROOT

PAGE = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
ACCEPTED = re.compile(r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL-2\.0|Zlib|Unlicense")
REFUSED = re.compile(r"A?GPL|LGPL|GNU|SSPL|Commons Clause|Business Source|Proprietary", re.IGNORECASE)


@pytest.mark.parametrize("name", locked_names())
def test_the_licence_is_permissive(name: str) -> None:
    licence = licence_of(name)
    assert ACCEPTED.search(licence)
    assert not REFUSED.search(licence)


def test_the_page_lists_what_is_locked() -> None:
    """Written anew by `dev.py lock`."""
    assert table() in PAGE


def test_the_page_lists_every_front_end_asset_with_its_licence() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for path, entry in packages.items():
        if path:
            name = path.removeprefix("node_modules/")
            row = next((line for line in PAGE.splitlines() if f"`{name}`" in line), "")
            assert f"| {entry['license']} |" in row, name


def test_the_licence_is_the_apache_licence_in_full() -> None:
    """From its title to the end of the appendix."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "APPENDIX: How to apply the Apache License to your work." in text
