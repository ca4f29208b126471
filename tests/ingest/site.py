"""`oxywatch ingest` as a process with short waits, and the databases it works on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from records import registry as registry_records
from records import status as status_records
from records.database import Database
from records.registry import Registry
from records.status import StatusRow
from telemetry import open_store
from telemetry.contract import RAW, Selection, TelemetryStore
from telemetry.settings import EmbeddedSettings, InfluxSettings
from tests.ingest.messages import REGISTRY, SHARD, tank
from tests.oxygen.readings import HOUR

STATUS_EVERY_S = 2.0
INGEST = {
    "shard": SHARD,
    "ledger_every_s": 0.5,
    "days_every_s": 0.5,
    "status_every_s": STATUS_EVERY_S,
    "late_patience_s": 1.0,
    "request_after_s": 1.0,
    "registry_every_s": 0.5,
    "work_every_s": 0.2,
    "reclaim_after_s": 1.0,
    "retry_first_s": 0.1,
    "retry_cap_s": 0.5,
    "health_every_s": 0.3,
}

Key = tuple[str, int]
"""Epoch and number."""


class Setup(NamedTuple):
    """Addresses of one combination of databases."""

    records_url: str
    telemetry: dict[str, str]


class Site:
    """The process under test, and everything it talks to."""

    def __init__(self, folder: Path, setup: Setup, port: int) -> None:
        self.settings_file = folder / "centre.toml"
        self.log = folder / "ingest.log"
        self.database = Database(setup.records_url)
        self.store = self._store(setup.telemetry)
        tables: dict[str, dict[str, Any]] = {
            "records": {"url": setup.records_url},
            "telemetry": setup.telemetry,
            "broker": {"port": port, "backoff_first_s": 0.1, "backoff_cap_s": 0.5},
            "ingest": INGEST,
        }
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in tables.items()
        ]
        self.settings_file.write_text("\n".join(lines), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def _store(self, telemetry: dict[str, str]) -> TelemetryStore:
        if telemetry["kind"] == "influx":
            return open_store(InfluxSettings.model_validate(telemetry), readonly=True)
        return open_store(EmbeddedSettings.model_validate(telemetry), readonly=True)

    async def prepare(self) -> None:
        await self.database.migrate()
        registry = Registry(
            version=0,
            facilities=REGISTRY.facilities,
            gateways=REGISTRY.gateways,
            tanks=(*REGISTRY.tanks, tank("a-3")),
        )
        async with self.database.write() as tx:
            await registry_records.import_registry(tx, registry, actor="test", now_us=now_us())

    def start(self) -> None:
        command = [sys.executable, "-m", "oxywatch", "ingest", "-c", str(self.settings_file)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, f"ingest ended by itself:\n{self.log.read_text()[-3000:]}"
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it in good order and return the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(20)

    async def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        await self.store.close()
        await self.database.close()

    async def until(self, what: str, limit_s: float, condition: Callable[[], Any]) -> None:
        """Wait for a condition, which may be a coroutine function; fails with the end of the log."""
        end_s = time.monotonic() + limit_s
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            assert time.monotonic() < end_s, f"not in time: {what}\n{self.log.read_text()[-3000:]}"
            await asyncio.sleep(0.1)

    async def raw(self) -> dict[Key, list[tuple[str, int]]]:
        """Return subject and time of every raw point, by epoch and number."""
        found: dict[Key, list[tuple[str, int]]] = {}
        for code in ("a-1", "a-2", "a-3"):
            selection = Selection(RAW, {"subject": f"tank:{code}"}, 0, now_us() + HOUR)
            async for row in self.store.rows(selection, fields=("epoch", "seq")):
                key = (str(row.fields["epoch"]), int(row.fields["seq"]))
                found.setdefault(key, []).append((f"tank:{code}", row.t_us))
        return found

    async def settled(self, count: int) -> bool:
        """Tell whether ingest itself says that its past is in order and how much it folded."""
        row = await self.store.latest("ingest", {})
        return row is not None and (row.fields["dirty_subjects"], row.fields["engine_samples"]) == (0, count)

    async def statuses(self) -> list[StatusRow]:
        async with self.database.read() as tx:
            return await status_records.statuses_after(tx, 0, limit=1_000_000)


def now_us() -> int:
    return time.time_ns() // 1000
