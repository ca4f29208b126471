"""The time limit of `dev.py test` ends a run that hangs, and still lets it stop its servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import suite

HANGING = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def server():
    yield
    Path(__file__).with_name("stopped").touch()

def test_hangs(server):
    time.sleep(60)
"""


def test_a_run_over_the_limit_fails_after_its_tear_down(tmp_path: Path) -> None:
    """The fixture's own end is reached: what it started is stopped."""
    module = tmp_path / "test_hanging.py"
    module.write_text(HANGING, encoding="utf-8")

    assert suite._pytest([str(module), "-q", "-p", "no:cacheprovider"], limit_s=4) != 0
    assert (tmp_path / "stopped").exists()


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("", False), ("false", False)])
def test_ci_is_known_by_its_variable(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    assert suite.in_ci() is expected
