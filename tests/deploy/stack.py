"""The services of docker-compose.yml as processes of this machine.

Commands, settings, secrets and SQL are the shipped ones; replaced are only the container's paths, names and
ports, the cadence of the gateways, and the parts that this machine does not have: InfluxDB 2 is InfluxDB 1
behind a translating gateway.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.deploy import compose
from tests.deploy.shipped import ROOT, ShippedMosquitto
from tests.servers import Influxd, Postgres, ReservedPort, reserve_port
from tests.servers.programs import postgres_program
from tests.telemetry.http_server import HttpServer

FIRST_MODULE_PORT = 5020
MODULES = 4
STOP_S = 30.0


class PasswordedPostgres(Postgres):
    """PostgreSQL in which nobody but the superuser comes in without a password."""

    def prepare(self) -> None:
        """Make the cluster, then its rules of entry."""
        super().prepare()
        rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        self.write("data/pg_hba.conf", rules)

    def run_shipped(self, files: Sequence[Path], secrets: Path, database: str) -> None:
        """Run SQL files as the superuser, /run/secrets being `secrets`."""
        command = [str(postgres_program("psql")), "-h", self.host, "-p", str(self.port), "-U", "postgres"]
        command += ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]
        for number, file in enumerate(files):
            text = file.read_text(encoding="utf-8").replace("/run/secrets/", f"{self.folder}/secrets/")
            command += ["-f", str(self.write(f"{number}-{file.name}", text))]
        self._copy_secrets(secrets)
        self.run_tool(command)

    def run_tools(self, dump: str, restore: str) -> None:
        """Run pg_dump into a file and pg_restore from it, both given as command lines."""
        place = f"-h {self.host} -p {self.port}"
        file = self.folder / "records.dump"
        for line, end in ((dump, f"> {file}"), (restore, f"< {file}")):
            program, _, arguments = line.partition(" ")
            self.run_tool(["sh", "-c", f"{postgres_program(program)} {place} {arguments} {end}"])

    def _copy_secrets(self, secrets: Path) -> None:
        target = self.folder / "secrets"
        target.mkdir(exist_ok=True)
        self.own(target)
        for path in secrets.iterdir():
            self.write(f"secrets/{path.name}", path.read_text(encoding="utf-8"))


class Stack:
    """The servers that the programs need, and the programs themselves."""

    def __init__(
        self,
        folder: Path,
        made: Path,
        servers: tuple[ShippedMosquitto, PasswordedPostgres, Influxd, HttpServer],
    ) -> None:
        self.folder = folder
        self.made = made
        self.broker, self.postgres, self.influxd, self.influx_gateway = servers
        self._ports: list[ReservedPort] = []
        self.page_port = self._port()
        self.line_port = self._port()
        self.module_ports = [self._port() for _ in range(MODULES)]
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def _port(self) -> int:
        self._ports.append(reserve_port())
        return self._ports[-1].number

    def _settings(self, service: str, secrets: Path) -> Path:
        text = (ROOT / "deploy" / "centre.toml").read_text(encoding="utf-8")
        changes = {
            "/run/secrets": str(secrets),
            "postgres:5432": f"127.0.0.1:{self.postgres.port}",
            "http://influxdb:8086": self.influx_gateway.url,
            'host = "mosquitto"\nport = 8883': f'host = "localhost"\nport = {self.broker.port}',
            'host = "0.0.0.0"\nport = 8000': f'host = "127.0.0.1"\nport = {self.page_port}',
        }
        path = self.folder / service / "centre.toml"
        path.write_text(compose.replaced(text, changes), encoding="utf-8")
        return path

    def _scenario(self) -> Path:
        text = (ROOT / "deploy" / "demo" / "scenario.toml").read_text(encoding="utf-8")
        changes = {"0.0.0.0": "127.0.0.1", "mosquitto": "localhost", "8884": str(self.line_port)}
        changes["8883"] = str(self.broker.port)
        for index, port in enumerate(self.module_ports):
            changes[f"port = {FIRST_MODULE_PORT + index}\n"] = f"port = {port}\n"
        path = self.folder / "simulator" / "scenario.toml"
        path.write_text(compose.replaced(text, changes), encoding="utf-8")
        return path

    def _gateway(self, name: str) -> Path:
        text = (ROOT / "deploy" / "demo" / "gateways" / name).read_text(encoding="utf-8")
        for index, port in enumerate(self.module_ports):
            text = text.replace(f"port = {FIRST_MODULE_PORT + index}\n", f"port = {port}\n")
        changes = {
            "simulator": "127.0.0.1",
            "/run/gateways": str(self.made / "gateways"),
            "/var/lib/oxywatch": str(self.folder / "gateways"),
            "every_s = 10.0\nbatch_s = 10.0": "every_s = 1.0\nbatch_s = 1.0",
        }
        text = text.replace('"mosquitto"', '"localhost"').replace("8883", str(self.broker.port))
        path = self.folder / "gateways" / name
        path.write_text(
            compose.replaced(text.replace("8884", str(self.line_port)), changes), encoding="utf-8"
        )
        return path

    def command(self, name: str) -> list[str]:
        """Return the exact command of one of our services, its files written and its paths replaced."""
        service = compose.services()[name]
        (self.folder / name).mkdir()
        secrets = compose.give_secrets(service, self.made, self.folder / name / "secrets")
        return [self._mapped(name, part, secrets) for part in service["command"]]

    def _mapped(self, name: str, part: str, secrets: Path) -> str:
        if part == "/etc/oxywatch/centre.toml":
            return str(self._settings(name, secrets))
        if part == "/etc/oxywatch/scenario.toml":
            return str(self._scenario())
        if part.startswith("/etc/oxywatch/gateways/"):
            return str(self._gateway(Path(part).name))
        places = {
            "/run/secrets": secrets,
            "/var/lib/oxywatch": self.folder / name,
            "/tmp": self.folder / name,
        }
        for theirs, ours in places.items():
            if part.startswith(f"{theirs}/"):
                return str(ours) + part.removeprefix(theirs)
        return part

    def alive_file(self, name: str) -> Path:
        """Return what a program's health check looks at."""
        return self.folder / name / "alive"

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "oxywatch", *self.command(name)]
        environment = {**os.environ, "OXYWATCH_ALIVE_FILE": str(self.alive_file(name))}
        with (self.folder / name / "log").open("wb") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run_once(self, name: str) -> None:
        """Run a service that ends; it has to succeed."""
        assert self._spawn(name).wait(60) == 0, self.log(name)

    def run_again(self, name: str) -> None:
        """Run a service that ends once more, as at the next `up`."""
        (self.folder / name).rename(self.folder / f"{name}-before")
        self.run_once(name)

    def start(self, names: Iterable[str]) -> None:
        """Start services that stay."""
        for name in names:
            self._programs[name] = self._spawn(name)

    def log(self, name: str) -> str:
        """Return what a program wrote."""
        return (self.folder / name / "log").read_text(encoding="utf-8")

    def wait_for(self, holds: Callable[[], Any], what: str, limit_s: float = 60.0) -> None:
        """Wait until something holds; fails when a program ended or the time is over."""
        limit = time.monotonic() + limit_s
        while not holds():
            for name, program in self._programs.items():
                assert program.poll() is None, f"{name} ended\n{self.log(name)}"
            logs = {name: self.log(name)[-2000:] for name in self._programs}
            assert time.monotonic() < limit, f"never: {what}\n{logs}"
            time.sleep(0.1)

    def stop(self) -> dict[str, int]:
        """Ask every program to end, the last first; return their exit codes."""
        codes: dict[str, int] = {}
        for name, program in reversed(self._programs.items()):
            program.terminate()
            try:
                codes[name] = program.wait(STOP_S)
            except subprocess.TimeoutExpired:
                program.kill()
                codes[name] = program.wait()
        self._programs.clear()
        return codes

    def close(self) -> None:
        """Stop what still runs and give the ports back."""
        self.stop()
        for port in self._ports:
            port.release()
