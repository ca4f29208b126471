"""Starting and stopping the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from api.context import Context
from api.service import serve
from api.settings import ApiSettings
from oxygen.errors import Permanent
from records.database import Database
from telemetry import EmbeddedSettings, open_store
from tests.servers import reserve_port


def context(folder: Path, settings: ApiSettings) -> Context:
    database = Database(f"sqlite:///{folder / 'records.sqlite'}")
    store = open_store(EmbeddedSettings(path=folder / "telemetry.sqlite"), readonly=True)
    return Context(database, store, lambda: 0, settings)


async def test_the_address_is_told_once_connections_are_accepted(tmp_path: Path) -> None:
    stop, heard = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(context(tmp_path, ApiSettings(port=0)), stop, on_listening=heard.set_result)
    )
    address = await asyncio.wait_for(heard, 10)
    port = int(address.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    stop.set()
    await asyncio.wait_for(running, 10)

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_address_that_cannot_be_opened_stops_the_start() -> None:
    with pytest.raises(Permanent) as refused:
        await serve(context(Path("/nowhere"), ApiSettings(host="203.0.113.1")), asyncio.Event())

    assert refused.value.code == "cannot_listen"


async def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    with reserve_port() as port:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port.number)
        async with server:
            with pytest.raises(Permanent):
                await serve(context(tmp_path, ApiSettings(port=port.number)), asyncio.Event())


@pytest.mark.parametrize("settings", [{"prot": 1}, {"port": -1}, {"silence_s": 0}, {"poll_s": "fast"}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ApiSettings.model_validate(settings)
