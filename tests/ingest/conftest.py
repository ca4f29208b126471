"""Records for ingest's tests, and an ingest that stands in the test's own process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from records.database import Database
from tests.ingest.centre import Centre
from tests.oxygen.readings import HOUR, MIDNIGHT

START = MIDNIGHT + 8 * HOUR


@pytest.fixture(scope="session")
def empty_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows, to copy."""
    path = tmp_path_factory.mktemp("records") / "empty.sqlite"

    async def migrate() -> None:
        database = Database(f"sqlite:///{path}")
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
    return path


@pytest.fixture
def records_file(empty_records: Path, tmp_path: Path) -> Path:
    """A migrated, empty SQLite file of this test."""
    path = tmp_path / "records.sqlite"
    shutil.copy(empty_records, path)
    return path


@pytest.fixture
async def centre(records_file: Path) -> AsyncIterator[Centre]:
    """An ingest with both tanks registered, not started; killed when the test ends."""
    database = Database(f"sqlite:///{records_file}")
    made = Centre(database, now_us=START)
    await made.register()
    yield made
    await made.kill()
    await database.close()


@pytest.fixture
async def centre_of_ten(records_file: Path) -> AsyncIterator[Centre]:
    """As `centre`, with room for ten points on their way into the store."""
    database = Database(f"sqlite:///{records_file}")
    made = Centre(database, now_us=START, buffer_points=10)
    await made.register()
    yield made
    await made.kill()
    await database.close()
