"""The shipped broker with certificates of our own authority, and clients that knock at it."""

from __future__ import annotations

import importlib.util
import json
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from certificates import Authority, load_authority, make_authority, new_request
from tests.deploy.clients import Client, tls
from tests.deploy.shipped import DEPLOY, ShippedMosquitto

NOW = datetime.now(UTC).replace(microsecond=0)
LIFE = timedelta(days=30)
SECRET = b"a passphrase for tests"


def prepare_script() -> ModuleType:
    """Return deploy/prepare.py, which stands outside every package."""
    spec = importlib.util.spec_from_file_location("deploy_prepare", DEPLOY / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["deploy_prepare"] = module
    spec.loader.exec_module(module)
    return module


class Door:
    """A broker that knows the centre's programs, and no gateway yet.

    Attributes:
        folder: Certificates and keys, NAME.pem and NAME.key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "secret").write_bytes(SECRET + b"\n")
        (folder / "secret").chmod(0o600)
        make_authority(folder / "root", folder / "online", root_passphrase=SECRET, passphrase=SECRET, now=NOW)
        self.authority: Authority = load_authority(folder / "online", folder / "secret")
        (folder / "ca.pem").write_text(self.authority.trust, encoding="ascii")
        self._make_broker()
        for program in ("ingest", "jobs", "api"):
            self.make_client(f"service.{program}")
        rules = prepare_script().dynamic_security("hcm", {})
        (folder / "dynamic-security.json").write_text(json.dumps(rules), encoding="utf-8")
        self.broker = ShippedMosquitto(folder)

    def _make_broker(self) -> None:
        key, request = new_request("broker")
        names = ["localhost", "127.0.0.1"]
        issued = self.authority.issue_server(request, names, now=NOW, life=LIFE)
        self._write("broker", key, issued.certificate + issued.chain)

    def make_client(
        self, name: str, *, now: datetime = NOW, life: timedelta = LIFE, file_name: str = ""
    ) -> Path:
        """Make a client's certificate; return its file."""
        key, request = new_request(name)
        issued = self.authority.issue_client(request, name, now=now, life=life)
        return self._write(file_name or name, key, issued.certificate + issued.chain)

    def _write(self, name: str, key: bytes, certificate: str) -> Path:
        (self.folder / f"{name}.key").write_bytes(key)
        path = self.folder / f"{name}.pem"
        path.write_text(certificate, encoding="ascii")
        return path

    def context(self, certificate: Path) -> ssl.SSLContext:
        return tls(self.folder / "ca.pem", certificate)

    def client(self, certificate: Path, client_id: str = "anything", *, will_topic: str = "") -> Client:
        return Client(self.broker.port, self.context(certificate), client_id, will_topic=will_topic)

    def program(self, name: str) -> Client:
        return self.client(self.folder / f"service.{name}.pem", f"{name}-1")

    def is_shut_to(self, certificate: Path) -> bool:
        """Tell whether a certificate gets no further than the handshake."""
        try:
            with self.client(certificate) as client:
                return client.answer == ""
        except (ssl.SSLError, ConnectionError):
            return True

    def rules_by_hand(self, *arguments: str) -> str:
        """Change the rules behind our back, with Mosquitto's own tool."""
        certificate = self.folder / "service.jobs"
        command = ["mosquitto_ctrl", "-h", "localhost", "-p", str(self.broker.port)]
        command += ["--cafile", str(self.folder / "ca.pem"), "--cert", f"{certificate}.pem"]
        command += ["--key", f"{certificate}.key", "dynsec", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
