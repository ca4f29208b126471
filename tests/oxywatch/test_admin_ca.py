"""`oxywatch admin ca` and `gateways`, as an administrator types them."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

from records import enrolment, registry
from records.database import Database
from tests.certificates.openssl import openssl
from tests.records import samples

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = samples.GATEWAY.code


def typed(folder: Path, topic: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one topic's commands in a folder."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from oxywatch.admin.{topic} import app; app()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_an_authority_is_made_once_and_vouches_for_servers_and_services(tmp_path: Path) -> None:
    made = typed(tmp_path, "ca", "init")
    again = typed(tmp_path, "ca", "init")
    server = typed(tmp_path, "ca", "server", "broker.example", "127.0.0.1", "--out", "certs")
    service = typed(tmp_path, "ca", "service", "ingest", "--out", "certs")
    verdicts = [
        openssl(
            *("verify", "-CAfile", str(tmp_path / "ca" / "ca.pem"), "-purpose", purpose),
            *("-untrusted", str(tmp_path / "certs" / name), str(tmp_path / "certs" / name)),
        )
        for name, purpose in (("broker.example.pem", "sslserver"), ("service.ingest.pem", "sslclient"))
    ]

    assert [each.returncode for each in (made, again, server, service)] == [0, 3, 0, 0], made.stderr
    assert "there already" in again.stderr
    assert "Traceback" not in again.stderr
    assert all(": OK" in verdict for verdict in verdicts)
    secrets = [*tmp_path.glob("*.passphrase"), *tmp_path.glob("*/*.key")]
    assert len(secrets) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


async def test_a_gateway_gets_a_code_and_loses_it_all(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.sqlite"
    (tmp_path / "centre.toml").write_text(
        f'[records]\nurl = "{url}"\n[telemetry]\nkind = "embedded"\npath = "telemetry.sqlite"\n',
        encoding="utf-8",
    )
    database = Database(url)
    await database.migrate()
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    given = typed(tmp_path, "gateways", "code", "-c", "centre.toml", GATEWAY)
    unknown = typed(tmp_path, "gateways", "code", "-c", "centre.toml", "gw-nowhere")
    revoked = typed(tmp_path, "gateways", "revoke", "-c", "centre.toml", GATEWAY, "--reason", "stolen")
    listed = typed(tmp_path, "gateways", "list", "-c", "centre.toml", "--json")
    async with database.read() as tx:
        (code,) = await enrolment.codes(tx, GATEWAY)
    await database.close()

    assert len(given.stdout.strip()) == 23, given.stderr
    assert unknown.returncode == 3
    assert "gw-nowhere" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert revoked.returncode == 0
    assert code.withdrawn_us is not None
    assert json.loads(listed.stdout)["wanted"] == "revoked"
