"""Every error that a store raises can be told to a person."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oxygen.messages import LOCALES, catalogue

CODE = re.compile(r'code="(\w+)"')


@pytest.mark.parametrize("locale", LOCALES)
def test_every_error_code_has_a_text(repository: Path, locale: str) -> None:
    """The codes in the source are those in the catalogue, none more and none less."""
    sources = [path.read_text(encoding="utf-8") for path in (repository / "telemetry").glob("*.py")]
    raised = {code for text in sources for code in CODE.findall(text)}
    texts = {key.removeprefix("errors.") for key in catalogue(locale) if key.startswith("errors.telemetry_")}
    assert raised == texts
