"""Every test that takes `database` or `url` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from records.database import Database
from tests.alerts.watched_world import Bench
from tests.servers import Postgres

BACKENDS = ("sqlite", "postgresql")


def migrate(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def alerts_sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alerts") / "template.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def alerts_postgres_template(postgres: Postgres) -> Iterator[str]:
    name = "template_alerts"
    postgres.create_database(name)
    migrate(postgres.url(name))
    yield name
    postgres.drop_database(name)


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a migrated, empty database of this test."""
    if request.param == "sqlite":
        path = tmp_path / "records.sqlite"
        shutil.copy(request.getfixturevalue("alerts_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"alerts_{tmp_path.name.replace('-', '_')[-40:].lower()}"
    server.psql(f'CREATE DATABASE "{name}" TEMPLATE "{request.getfixturevalue("alerts_postgres_template")}"')
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def bench(database: Database) -> Bench:
    """One hospital with one tank, registered and watched from minute 0."""
    made = Bench(database)
    await made.register()
    return made
