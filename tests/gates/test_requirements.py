"""docs/requirements.md has every requirement once, and names only tests that there are."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from tests.gates.source_tree import ROOT

COUNTS = {"TEL": 16, "MOH": 38, "OXM": 27, "F0": 18, "VAX": 24}
STATES = ("done", "partly", "not yet")
_ROW = re.compile(r"^\| ((?:TEL|MOH|OXM|F0|VAX)-\d+) \| (.*) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)


class Row(NamedTuple):
    """One requirement."""

    id: str
    what: str
    state: str
    tests: list[str]
    remark: str


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of all tables."""
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    found = [
        Row(number, what, state, re.findall(r"`([^`]+)`", proof), remark)
        for number, what, state, proof, remark in _ROW.findall(text)
    ]
    assert len(found) == len(re.findall(r"^\| (?:TEL|MOH|OXM|F0|VAX)-", text, re.MULTILINE))
    return tuple(found)


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the names of the tests in a file; empty when there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_requirement_stands_there_once() -> None:
    """None is forgotten, none is invented."""
    expected = {f"{prefix}-{n}" for prefix, count in COUNTS.items() for n in range(1, count + 1)}
    counted = Counter(row.id for row in rows())
    assert set(counted) == expected
    assert [number for number, count in counted.items() if count > 1] == []


def test_every_row_says_what_and_how_far() -> None:
    """What is only partly there says what is missing."""
    for row in rows():
        assert row.what.strip(" –"), row.id
        assert row.state in STATES, row.id
        if row.state == "partly":
            assert len(row.remark) > 2, row.id


def test_what_is_there_is_proven_and_what_is_not_claims_nothing() -> None:
    """A claim without a test is a wish."""
    for row in rows():
        assert bool(row.tests) == (row.state != "not yet"), row.id


def test_every_named_test_exists() -> None:
    """A renamed test would otherwise leave a proof that proves nothing."""
    named = {(row.id, *name.split("::")) for row in rows() for name in row.tests}
    assert named
    absent = [f"{number}: {path}::{test}" for number, path, test in named if test not in names_in(path)]
    assert sorted(absent) == []
