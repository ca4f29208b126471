"""Fixtures that several rooms share: real servers, ports and the browser.

The plain names (`mosquitto`, `influxd`, `postgres`) are one process for the whole run: use topics or
databases of your own and leave it running. A test that stops, kills or freezes a server takes the `private_`
one, or makes its own from `tests.servers`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from tests.servers import (
    Influxd,
    MissingProgramError,
    Mosquitto,
    Postgres,
    ReservedPort,
    Server,
    find_program,
    reserve_port,
)

pytest_plugins = ["tests.room_budget"]

S = TypeVar("S", bound=Server)


@dataclass(frozen=True)
class InfluxDatabase:
    """An empty database of one test on the shared influxd."""

    server: Influxd
    url: str
    name: str


@dataclass(frozen=True)
class Browser:
    """How to start Chromium: `playwright.chromium.launch(executable_path=…, args=…)`."""

    executable_path: str
    args: tuple[str, ...] = (
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )


def give_up(error: MissingProgramError) -> NoReturn:
    """Fail in CI, where every program has to be there; elsewhere leave the test out and say why."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


def serve(make: Callable[[], S]) -> Iterator[S]:
    """Start a server for a fixture and close it in the end."""
    server = make()
    try:
        try:
            server.start()
        except MissingProgramError as error:
            give_up(error)
        yield server
    finally:
        server.close()


@pytest.fixture
def free_port() -> Iterator[Callable[[], int]]:
    """A function that returns another loopback port, reserved until the test ends."""
    reserved: list[ReservedPort] = []

    def take() -> int:
        reserved.append(reserve_port())
        return reserved[-1].number

    yield take
    for port in reserved:
        port.release()


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Mosquitto]:
    """The run's Mosquitto (`host`, `port`); anonymous clients are welcome."""
    yield from serve(Mosquitto)


@pytest.fixture
def private_mosquitto() -> Iterator[Mosquitto]:
    """A Mosquitto of this test alone."""
    yield from serve(Mosquitto)


@pytest.fixture(scope="session")
def influxd() -> Iterator[Influxd]:
    """The run's influxd (`url`)."""
    yield from serve(Influxd)


@pytest.fixture
def private_influxd() -> Iterator[Influxd]:
    """An influxd of this test alone."""
    yield from serve(Influxd)


@pytest.fixture
def influx_database(influxd: Influxd) -> Iterator[InfluxDatabase]:
    """A fresh, empty database on the run's influxd."""
    name = f"test_{uuid.uuid4().hex}"
    influxd.create_database(name)
    yield InfluxDatabase(influxd, influxd.url, name)
    influxd.drop_database(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The run's PostgreSQL."""
    yield from serve(Postgres)


@pytest.fixture
def private_postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this test alone."""
    yield from serve(Postgres)


def _fresh_postgres_database(server: Postgres) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    server.create_database(name)
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """Address (postgresql+asyncpg://…) of a fresh, empty database of this test."""
    yield from _fresh_postgres_database(postgres)


@pytest.fixture(scope="module")
def module_postgres_url(postgres: Postgres) -> Iterator[str]:
    """Address of a fresh, empty database that the tests of one module share."""
    yield from _fresh_postgres_database(postgres)


@pytest.fixture(scope="session")
def chromium() -> Browser:
    """The installed Chromium and the arguments to start it with."""
    try:
        return Browser(str(find_program("chromium")))
    except MissingProgramError as error:
        give_up(error)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent
