"""The web server over a folder of demo stores, as a program: `python -m tests.api.server FOLDER SETTINGS`."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from api.context import Context
from api.service import serve
from api.settings import ApiSettings
from records.database import Database
from records.key_file import create_key_file, new_key_file
from records.key_ring import KeyRing
from telemetry import EmbeddedSettings, open_store


def now_us() -> int:
    return time.time_ns() // 1000


def records_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'records.sqlite'}"


def open_records(folder: Path) -> Database:
    """The records with a key file beside them, made at first use."""
    keys = folder / "keys.toml"
    if not keys.exists():
        create_key_file(keys, new_key_file(now_us()))
    return Database(records_url(folder), keys=KeyRing(keys))


def telemetry_settings(folder: Path) -> EmbeddedSettings:
    return EmbeddedSettings(path=folder / "telemetry.sqlite")


def _say(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


async def run(folder: Path, settings: ApiSettings) -> None:
    """Serve until SIGTERM; the address is printed when it is listened on."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = open_records(folder)
    store = open_store(telemetry_settings(folder), readonly=True)
    context = Context(database=database, telemetry=store, clock=now_us, settings=settings)
    try:
        await serve(context, stop, on_listening=_say)
    finally:
        await store.close()
        await database.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), ApiSettings.model_validate_json(sys.argv[2])))
