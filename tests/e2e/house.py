"""Everything of OxyWatch as real processes on one machine, which a test can kill one by one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from firmware_sim import scenario_file
from oxywatch.demo.gateways import Cadence, Connection, write_gateway
from records import identity, messages
from records import registry as registry_records
from records.database import Database
from records.registry import Facility, Gateway, Registry, Tank
from tests.servers import Influxd, Mosquitto, Postgres, reserve_port

SHARD = "e2e"
FACILITY = "bv-e2e"
PASSWORD = "mot mat khau dai"
TANKS = {"gw-a": "tank-a", "gw-b": "tank-b"}
GEOMETRY = {
    "orientation": "vertical",
    "inner_diameter_m": 1.8,
    "cylinder_length_m": 3.35,
    "head": "ellipsoidal",
}
WORKING_PRESSURE_BAR = 10.0

SCENARIO = """
seed = 5
history_days = 1
rate = {rate}

[[gateways]]
code = "{gateway}"
facility = "bv-e2e"
port = {port}

[[systems]]
code = "{tank}-system"
demand_kg_per_h = 40.0

[[tanks]]
code = "{tank}"
gateway = "{gateway}"
system = "{tank}-system"
dp_channel = 0
pressure_channel = 1
orientation = "vertical"
inner_diameter_m = 1.8
cylinder_length_m = 3.35
working_pressure_bar = 10.0
start_fill_percent = 31.0
dp_at_20_ma_mbar = 550.0
"""

RULES: Mapping[str, Mapping[str, float]] = {
    "low_stock": {"raise_delay_s": 1, "critical_raise_delay_s": 1, "clear_delay_s": 5},
    "stale_data": {"after_s": 60, "raise_delay_s": 1, "clear_delay_s": 1},
    "sensor_fault": {"raise_delay_s": 30, "clear_delay_s": 1},
}


class Program:
    """One process of ours, restarted by hand."""

    def __init__(self, name: str, command: list[str], logs: Path) -> None:
        self.name = name
        self._command = command
        self._log = logs / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait for the orderly end."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not stop:\n{self.log()}") from None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self, last: int = 4000) -> str:
        return self._log.read_text(errors="replace")[-last:] if self._log.exists() else ""


class Ports(NamedTuple):
    """Where our own programs listen."""

    page: int
    smtp: int
    modules: Mapping[str, int]


class House:
    """Servers, programs, and the folder that holds their files."""

    def __init__(self, folder: Path, smtp_port: int, *, ingest: list[str] | None = None) -> None:
        """Start the three servers; `ingest` replaces the command that runs ingest."""
        self.folder = folder
        self._reserved = [reserve_port() for _ in range(3)]
        page, module_a, module_b = (item.number for item in self._reserved)
        self.ports = Ports(page, smtp_port, {"gw-a": module_a, "gw-b": module_b})
        self.servers = (Mosquitto(), Influxd(), Postgres())
        self.mosquitto, self.influxd, self.postgres = self.servers
        self._ingest = ingest or [sys.executable, "-m", "oxywatch", "ingest"]
        self.programs: dict[str, Program] = {}

    def start_servers(self) -> None:
        for server in self.servers:
            server.start()
        self.postgres.create_database("oxywatch")

    async def prepare(self) -> None:
        """Register one hospital with two tanks, short rules, somebody to alarm and a user; write settings."""
        database = self.database()
        await database.migrate()
        now = now_us()
        async with database.write() as tx:
            await registry_records.import_registry(tx, registry(), actor="test", now_us=now)
            for rule, params in RULES.items():
                await registry_records.put_rule_setting(
                    tx,
                    rule=rule,
                    scope_kind="default",
                    scope_code="",
                    params=params,
                    actor="test",
                    now_us=now,
                )
            contact = messages.Contact(name="Trực", channel="email", address="truc@example.org", locale="vi")
            await messages.put_contact(tx, contact, actor="test", now_us=now)
            await identity.create_user(
                tx,
                username="lan",
                password=PASSWORD,
                role="administrator",
                must_change=False,
                actor="test",
                now_us=now,
            )
        await database.close()
        self._write_files()

    def database(self) -> Database:
        return Database(self.postgres.url("oxywatch", driver="").replace("postgresql+://", "postgresql://"))

    def _write_files(self) -> None:
        (self.folder / "centre.toml").write_text(
            f"""
[records]
url = "{self.postgres.url("oxywatch", driver="").replace("postgresql+://", "postgresql://")}"
[telemetry]
kind = "influx"
url = "{self.influxd.url}"
api = "v1"
database = "oxywatch"
timeout_s = 2.0
[broker]
port = {self.mosquitto.port}
backoff_cap_s = 1.0
[ingest]
shard = "{SHARD}"
ledger_every_s = 1.0
days_every_s = 1.0
status_every_s = 3.0
late_patience_s = 5.0
request_after_s = 3.0
retry_cap_s = 1.0
health_every_s = 1.0
[alerts]
page_url = "{self.page_url}"
start_grace_s = 60.0
[alerts.smtp]
host = "127.0.0.1"
port = {self.ports.smtp}
sender = "oxywatch@example.org"
security = "none"
[alerts.outbox]
first_retry_s = 1.0
retry_cap_s = 2.0
reclaim_after_s = 40.0
[api]
require_second_factor = false
port = {self.ports.page}
""",
            encoding="utf-8",
        )
        for gateway, tank in TANKS.items():
            self._write_gateway(gateway, tank)
        self._define_programs()

    def _write_gateway(self, gateway: str, tank: str) -> None:
        story = self.folder / f"{gateway}.scenario.toml"
        port = self.ports.modules[gateway]
        # 40 kg/h a thousandfold takes a percent of the tank every ten seconds.
        story.write_text(
            SCENARIO.format(gateway=gateway, tank=tank, port=port, rate=1000.0), encoding="utf-8"
        )
        scenario = scenario_file.load(story)
        path = write_gateway(
            self.folder,
            scenario,
            scenario.gateways[0],
            SHARD,
            Connection("127.0.0.1", port, 1, "127.0.0.1", self.mosquitto.port),
            Cadence(1.0, 1.0),
        )
        hasty = "\n[publish]\nretransmit_s = 1.0\nretransmit_cap_s = 2.0\nresend_unstored_s = 3.0\n"
        path.write_text(path.read_text(encoding="utf-8") + hasty, encoding="utf-8")

    def _define_programs(self) -> None:
        config = ["--config", str(self.folder / "centre.toml")]
        ours = [sys.executable, "-m", "oxywatch"]
        commands = {
            "ingest": [*self._ingest, *config],
            "alerts": [*ours, "alerts", *config],
            "api": [*ours, "api", *config],
            "sim-a": self._sim("gw-a"),
            "sim-b": self._sim("gw-b"),
            "edge": [*ours, "edge", "run", *(str(self.folder / f"{gateway}.toml") for gateway in TANKS)],
        }
        self.programs = {name: Program(name, command, self.folder) for name, command in commands.items()}

    def _sim(self, gateway: str) -> list[str]:
        return [
            *(sys.executable, "-m", "oxywatch", "sim"),
            *("--scenario", str(self.folder / f"{gateway}.scenario.toml")),
            *("--state", str(self.folder / f"{gateway}.world.json")),
            *("--ready", str(self.folder / f"{gateway}.ready.json")),
        ]

    @property
    def page_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.page}"

    def start(self, *names: str) -> None:
        for name in names:
            self.programs[name].start()

    def spool_path(self, gateway: str) -> Path:
        return self.folder / f"{gateway}.spool.sqlite"

    async def page_answers(self) -> None:
        async with httpx.AsyncClient() as client:

            async def answers() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await client.get(f"{self.page_url}/health")).status_code == 200
                return False

            await until(answers, 60, self, "the page answers")

    def close(self) -> None:
        """End everything; also after a failure."""
        for program in reversed(self.programs.values()):
            if program.alive():
                program.kill()
        for server in self.servers:
            server.close()
        for reserved in self._reserved:
            reserved.release()

    def logs(self) -> str:
        return "\n".join(f"--- {program.name}\n{program.log(1500)}" for program in self.programs.values())


def registry() -> Registry:
    """One hospital, two gateways, two tanks."""
    return Registry(
        version=0,
        facilities=(Facility(FACILITY, "Bệnh viện Thử", "Test Hospital", SHARD, simulated=True),),
        gateways=tuple(Gateway(gateway, FACILITY) for gateway in TANKS),
        tanks=tuple(
            Tank(
                code=tank,
                facility=FACILITY,
                name_vi=f"Bồn {tank}",
                name_en=f"Tank {tank}",
                geometry=dict(GEOMETRY),
                working_pressure_pa=WORKING_PRESSURE_BAR * 1e5,
                gateway=gateway,
            )
            for gateway, tank in TANKS.items()
        ),
    )


def now_us() -> int:
    return time.time_ns() // 1000


async def until(
    holds: Callable[[], Awaitable[bool]], seconds: float, house: House, what: str, every_s: float = 0.2
) -> None:
    """Wait until something holds; after `seconds` fail with the logs of all programs."""
    deadline = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{house.logs()}")
        await asyncio.sleep(every_s)
