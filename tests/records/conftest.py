"""Every test that takes `url`, `database` or `open_another` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from records.database import Database
from records.engines import Waits
from tests.records.keys import make_keys, with_keys
from tests.records.lease_helpers import StartProcess
from tests.servers import Postgres

OpenDatabase = Callable[..., Database]
BACKENDS = ("sqlite", "postgresql")


def _migrated(url: str) -> None:
    async def migrate() -> None:
        database = Database(url)
        await database.migrate()
        await database.close()

    asyncio.run(migrate())


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty file to copy."""
    path = tmp_path_factory.mktemp("records") / "template.sqlite"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[str]:
    """Name of a migrated, empty database to copy."""
    name = f"template_{uuid.uuid4().hex}"
    postgres.create_database(name)
    _migrated(postgres.url(name))
    yield name
    postgres.drop_database(name)


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a migrated, empty database of this test."""
    if request.param == "sqlite":
        path = tmp_path / "records.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    server.psql(f'CREATE DATABASE "{name}" TEMPLATE "{request.getfixturevalue("postgres_template")}"')
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'records.sqlite'}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """A function that opens a database by address, as another program would; closed with the test."""
    opened: list[Database] = []

    def open_one(address: str, waits: Waits | None = None) -> Database:
        opened.append(Database(address, waits))
        return opened[-1]

    yield open_one
    for database in opened:
        await database.close()


@pytest.fixture
def database(url: str, open_database: OpenDatabase) -> Database:
    """The migrated, empty database."""
    return open_database(url)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A fresh key file."""
    return make_keys(tmp_path)


@pytest.fixture
async def keyed(url: str, key_file: Path) -> AsyncIterator[Database]:
    """The empty records, opened with a key file."""
    database = with_keys(url, key_file)
    yield database
    await database.close()


@pytest.fixture
async def start_process(url: str) -> AsyncIterator[StartProcess]:
    """A function that starts `lease_process`; what still runs at the end of the test is killed."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.records.lease_process", url, *arguments),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[2],
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()
