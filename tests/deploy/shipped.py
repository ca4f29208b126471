"""The shipped broker: Mosquitto with deploy/mosquitto's files and what deploy/prepare.py makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.servers import Server, find_program

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
IMAGE_PLUGIN = "/usr/lib/mosquitto_dynamic_security.so"
DEBIAN_PLUGINS = Path("/usr/lib")


def prepare(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run deploy/prepare.py into `out`."""
    command = [sys.executable, str(DEPLOY / "prepare.py"), "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def prepared(out: Path, *arguments: str) -> Path:
    """Run deploy/prepare.py into `out`, which has to succeed; return `out`."""
    done = prepare(out, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


class ShippedMosquitto(Server):
    """The broker of docker-compose.yml on a loopback port.

    Args:
        secrets: What deploy/prepare.py made; read again at every start, as the container does.
    """

    name = "mosquitto"
    accounts = ("mosquitto",)

    def __init__(self, secrets: Path) -> None:
        super().__init__()
        self.secrets = secrets

    def prepare(self) -> None:
        """Write the shipped files with the container's paths replaced by ours."""
        for name in ("data", "config", "secrets"):
            (self.folder / name).mkdir(exist_ok=True)
            self.own(self.folder / name)
        for name in ("ca.pem", "broker.pem", "broker.key", "dynamic-security.json"):
            self.own(shutil.copyfile(self.secrets / name, self.folder / "secrets" / name))
        self._map("mosquitto.conf", self.folder / "config" / "mosquitto.conf")
        self._map("start.sh", self.folder / "start.sh")

    def _map(self, name: str, target: Path) -> None:
        text = (DEPLOY / "mosquitto" / name).read_text(encoding="utf-8")
        plugin = next(DEBIAN_PLUGINS.glob("**/mosquitto_dynamic_security.so"))
        text = text.replace(IMAGE_PLUGIN, str(plugin))
        text = text.replace("/run/secrets/", f"{self.folder}/secrets/")
        text = text.replace("/mosquitto/data/", f"{self.folder}/data/")
        text = text.replace("/mosquitto/config/", f"{self.folder}/config/")
        text = text.replace("listener 8883", f"listener {self.port} {self.host}")
        text = text.replace("exec mosquitto", f"exec {find_program('mosquitto')}")
        target.write_text(text, encoding="utf-8")
        self.own(target)

    def command(self) -> Sequence[str]:
        """Return the container's command."""
        return ["sh", str(self.folder / "start.sh")]
