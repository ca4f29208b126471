"""Functions and files stay small enough to be read in one go."""

from __future__ import annotations

import ast
import statistics
import warnings

from tests.gates.source_tree import ROOT, python_files, shown

LONGEST_FUNCTION = 60
LONG_FUNCTION_P90 = 25
LONGEST_FILE = 350
# Tables made by a program and the database's history are read by nobody in one go.
UNMEASURED = ("oxygen/saturation_table.py", "records/migrations/")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(function: Function) -> int:
    """Return the function's lines, decorators and docstring left out."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def functions() -> list[tuple[str, int]]:
    """Return where every function of the product is, and its length."""
    found: list[tuple[str, int]] = []
    for path, tree in python_files():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(UNMEASURED):
            continue
        found += [
            (f"{shown(path, node.lineno)} {node.name}", length(node))
            for node in ast.walk(tree)
            if isinstance(node, Function)
        ]
    return found


def test_a_docstring_does_not_count() -> None:
    """Explaining more is never a reason to split a function."""
    source = 'def f():\n    """One\n\n    two.\n    """\n    a = 1\n    return a\n'
    function = ast.parse(source).body[0]
    assert isinstance(function, Function)
    assert length(function) == 3


def test_no_function_is_longer_than_sixty_lines() -> None:
    """Longer ones do more than one thing."""
    too_long = [f"{where}: {lines} lines" for where, lines in functions() if lines > LONGEST_FUNCTION]
    assert too_long == []


def test_nine_in_ten_functions_of_the_product_fit_twenty_five_lines() -> None:
    """The guard against many functions just below the limit."""
    product = [lines for where, lines in functions() if not where.startswith("tests/")]
    assert statistics.quantiles(product, n=10)[-1] <= LONG_FUNCTION_P90


def test_long_files_are_pointed_out() -> None:
    """A file above the guard is reported as a warning, for the reviewer to judge."""
    for path, _ in python_files():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        name = path.relative_to(ROOT).as_posix()
        if lines > LONGEST_FILE and not name.startswith(UNMEASURED):
            warnings.warn(f"{name} has {lines} lines (guard: {LONGEST_FILE})", stacklevel=1)
