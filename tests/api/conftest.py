"""A demo site for the tests of pages and JSON: seeded stores in a folder, and a web server over them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from api.context import Context
from api.service import serve
from api.settings import ApiSettings
from broker_link import BrokerSettings
from records.database import Transaction
from telemetry import open_store
from tests.api import demo
from tests.api.server import now_us, open_records, telemetry_settings

T = TypeVar("T")
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
FAST = ApiSettings(
    port=0, require_second_factor=False, poll_s=0.1, keepalive_s=0.5, silence_s=1.5, page_poll_s=0.25
)
"""A twentieth of the times of production."""


class Site:
    """A web server in a thread over a folder of its own; `clock_shift_us` moves its clock."""

    def __init__(
        self, folder: Path, settings: ApiSettings = FAST, broker: BrokerSettings | None = None
    ) -> None:
        self.folder = folder
        self.settings = settings
        self.broker = broker
        self.url = ""
        self.clock_shift_us = 0
        self._listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="site")

    def start(self) -> Site:
        self._thread.start()
        assert self._listening.wait(15), self._failure
        if self._failure:
            raise self._failure
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
        assert not self._thread.is_alive()

    def now_us(self) -> int:
        return now_us() + self.clock_shift_us

    def write(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        """Change the records from beside the server, as another program would."""

        async def work() -> T:
            database = open_records(self.folder)
            try:
                async with database.write() as tx:
                    return await change(tx)
            finally:
                await database.close()

        return asyncio.run(work())

    def visitor(self, **headers: str) -> httpx.Client:
        """An anonymous browser; redirects are not followed."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    @contextlib.contextmanager
    def sign_in(
        self, username: str = demo.ADMIN, password: str = demo.ADMIN_PASSWORD, **headers: str
    ) -> Iterator[httpx.Client]:
        """A browser with a session."""
        with self.visitor(**headers) as client:
            token = form_token(client.get("/login").text)
            answer = client.post(
                "/login",
                data={"username": username, "password": password, "next": "/", "csrf_token": token},
            )
            assert answer.status_code == 303, answer.text
            yield client

    def viewer(self) -> contextlib.AbstractContextManager[httpx.Client]:
        return self.sign_in(demo.VIEWER, demo.VIEWER_PASSWORD)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001  shown by start()
            self._failure = error
            self._listening.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        database = open_records(self.folder)
        store = open_store(telemetry_settings(self.folder), readonly=True)
        context = Context(database, store, self.now_us, self.settings, self.broker, "api-test")
        try:
            await serve(context, self._stop, on_listening=self._heard)
        finally:
            await store.close()
            await database.close()

    def _heard(self, url: str) -> None:
        self.url = url
        self._listening.set()


def form_token(html: str) -> str:
    """The token of a page's first form."""
    found = TOKEN.search(html)
    assert found, "the page has no form token"
    return found[1]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's stores, to be copied."""
    folder = tmp_path_factory.mktemp("demo")

    async def fill() -> None:
        database = open_records(folder)
        store = open_store(telemetry_settings(folder))
        await demo.seed(database, store, now_us())
        await store.close()
        await database.close()

    asyncio.run(fill())
    return folder


@pytest.fixture(scope="session")
def site(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The run's site: look, but change nothing that another test looks at."""
    folder = shutil.copytree(seeded, tmp_path_factory.mktemp("site") / "data")
    running = Site(folder).start()
    yield running
    running.stop()


@pytest.fixture
def new_folder(seeded: Path, tmp_path: Path) -> Path:
    """A copy of the demo's stores for one test."""
    return shutil.copytree(seeded, tmp_path / "data")


@pytest.fixture
def own_site(new_folder: Path) -> Iterator[Site]:
    """A site of this test alone."""
    running = Site(new_folder).start()
    with contextlib.ExitStack() as stack:
        stack.callback(running.stop)
        yield running


@pytest.fixture(scope="session")
def admin(site: Site) -> Iterator[httpx.Client]:
    """An administrator's browser on the run's site."""
    with site.sign_in() as client:
        yield client


@pytest.fixture(scope="session")
def viewer(site: Site) -> Iterator[httpx.Client]:
    """A viewer's browser on the run's site."""
    with site.viewer() as client:
        yield client
