"""Installations to back up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from telemetry import EmbeddedSettings
from tests.jobs.site import Site


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Site]:
    """An installation with a little in it, on SQLite."""
    opened = Site(f"sqlite:///{tmp_path}/records.sqlite", EmbeddedSettings(path=tmp_path / "t.sqlite"))
    await opened.database.migrate()
    for _ in range(12):
        await opened.write()
    yield opened
    await opened.close()
