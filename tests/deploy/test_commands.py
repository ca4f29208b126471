"""Every command of docker-compose.yml whose program is here, run here with the shipped settings."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import serve
from tests.deploy import compose
from tests.deploy.shipped import DEPLOY, ROOT, ShippedMosquitto, prepared
from tests.deploy.stack import PasswordedPostgres, Stack
from tests.servers import Influxd, ServerError
from tests.servers.programs import postgres_program
from tests.telemetry import v2_gateway
from tests.telemetry.v2_gateway import V2Gateway

STAY = ("simulator", "ingest", "alerts", "jobs", "api", "gateways")
TANKS = {"cho-lon-1", "cho-lon-2", "cho-lon-3", "binh-thanh-1", "thu-duc-1", "can-gio-1"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, influxd: Influxd) -> Iterator[Stack]:
    """The whole compose file, started in its order, with samples of all tanks stored."""
    folder = tmp_path_factory.mktemp("stack")
    made = prepared(folder / "made", "--demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v2_gateway, "ORG", "oxywatch")
        patch.setattr(v2_gateway, "TOKEN", (made / "influx_token").read_text(encoding="utf-8"))
        gateway = V2Gateway(influxd.url, ("", ""))
        for postgres in serve(PasswordedPostgres):
            with ShippedMosquitto(made) as broker, gateway.serve() as influx_gateway:
                stack = Stack(folder, made, (broker, postgres, influxd, influx_gateway))
                try:
                    bring_up(stack)
                    yield stack
                finally:
                    stack.close()
                    influxd.drop_database("oxywatch")


def bring_up(stack: Stack) -> None:
    """Do what `docker compose --profile demo up` does, in its order."""
    initialised = [
        Path(source)
        for target, source in compose.mounts(compose.services()["postgres"]).items()
        if target.startswith("/docker-entrypoint-initdb.d/")
    ]
    secrets = compose.give_secrets(
        compose.services()["postgres"], stack.made, stack.folder / "postgres" / "secrets"
    )
    stack.postgres.run_shipped([ROOT / path for path in initialised], secrets, "postgres")
    stack.run_once("prepare")
    stack.run_once("demo")
    reader = compose.services()["grafana-records"]
    secrets = compose.give_secrets(reader, stack.made, stack.folder / "grafana-records" / "secrets")
    named = [part for part in reader["command"][0].split() if part.startswith("/sql/")]
    files = [ROOT / compose.mounts(reader)[part] for part in named]
    stack.postgres.run_shipped(files, secrets, "oxywatch")
    stack.start(STAY)
    stack.wait_for(lambda: stored_tanks(stack) == TANKS, "samples of every tank are stored")


def stored_tanks(stack: Stack) -> set[str]:
    """Return the tanks that have raw points in the store."""
    try:
        found = stack.influxd.query('SHOW TAG VALUES FROM raw WITH KEY = "subject"', "oxywatch")
    except ServerError:
        return set()
    return {value.removeprefix("tank:") for series in found for _, value in series["values"]}


def as_grafana(stack: Stack, statement: str) -> subprocess.CompletedProcess[str]:
    """Run SQL with the account and the password that Grafana is given."""
    command = [str(postgres_program("psql")), "-X", "-A", "-t", "-h", "127.0.0.1"]
    command += ["-p", str(stack.postgres.port), "-U", "oxywatch_grafana", "-d", "oxywatch", "-c", statement]
    password = (stack.made / "grafana_records_password").read_text(encoding="utf-8")
    environment = {**os.environ, "PGPASSWORD": password}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def healthy(stack: Stack, name: str) -> bool:
    """Tell what the health check of a service says; its command is the container's."""
    test = compose.services()[name]["healthcheck"]["test"][1:]
    changes = {
        "/usr/local/bin/alive.sh": str(DEPLOY / "image" / "alive.sh"),
        "/tmp/alive": str(stack.alive_file(name)),
        "127.0.0.1:8000": f"127.0.0.1:{stack.page_port}",
    }
    for theirs, ours in changes.items():
        test = [part.replace(theirs, ours) for part in test]
    return subprocess.run(test, capture_output=True, check=False, timeout=30).returncode == 0


def test_every_program_starts_with_the_shipped_settings_and_its_health_check_passes(stack: Stack) -> None:
    """`docker compose ps` would say healthy for each of ours."""
    stack.wait_for(lambda: all(healthy(stack, name) for name in STAY), "all are healthy")


def test_a_program_that_hangs_is_told_by_its_health_check(tmp_path: Path) -> None:
    """Its file grows old."""
    file = tmp_path / "alive"
    file.touch()
    check = ["sh", str(DEPLOY / "image" / "alive.sh"), str(file), "30"]
    assert subprocess.run(check, check=False).returncode == 0
    os.utime(file, times=(time.time() - 40, time.time() - 40))
    assert subprocess.run(check, check=False).returncode != 0
    file.unlink()
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def pages(stack: Stack) -> httpx.Client:
    """Return a client of the pages."""
    return httpx.Client(base_url=f"http://127.0.0.1:{stack.page_port}", follow_redirects=True)


def send_form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Fill in the form that stands at `path`."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields})


def test_from_the_first_password_to_what_the_tanks_hold(stack: Stack) -> None:
    """An administrator signs in once with the made password, chooses another, and sees every tank live.

    The readings have come from simulated modules over TLS, one certificate for each gateway, one of the
    lines leading through the simulator.
    """
    made = (stack.made / "administrator_password").read_text(encoding="utf-8")
    chosen = "a longer one of my own"
    with pages(stack) as client:
        assert client.get("/").url.path == "/login"
        assert send_form(client, "/login", username="admin", password=made).url.path == "/password"
        assert client.get("/api/v1/tanks").status_code == 403
        send_form(client, "/password", current=made, fresh=chosen, repeated=chosen)
        tanks = {tank["code"]: tank for tank in client.get("/api/v1/tanks").json()}
        assert set(tanks) == TANKS
        for code, tank in tanks.items():
            assert tank["status"]["source"] == "live", code
            assert tank["status"]["mass_kg"] > 500, code
        series = client.get("/api/v1/tanks/cho-lon-1/series").json()
        assert series["buckets"], "read back from the time series"
    stack.run_again("prepare")
    with pages(stack) as client:
        assert send_form(client, "/login", username="admin", password=made).status_code == 401
        assert send_form(client, "/login", username="admin", password=chosen).url.path == "/"


def test_grafana_reads_its_views_and_nothing_else(stack: Stack) -> None:
    """Neither tables, nor with a wrong password, nor can it write."""
    assert as_grafana(stack, "SELECT count(*) FROM grafana_alarm").returncode == 0
    assert as_grafana(stack, "SELECT count(*) FROM grafana_delivery").returncode == 0
    for table in ("account", "alarm", "outbox", "contact", "audit"):
        answer = as_grafana(stack, f"SELECT * FROM {table}")
        assert "permission denied" in answer.stderr, table
    assert as_grafana(stack, "CREATE TABLE mine (a int)").returncode != 0
    assert stack.postgres.psql("SELECT 1 FROM pg_roles WHERE rolname='oxywatch' AND NOT rolsuper") == "1"


def test_a_dump_of_the_records_can_be_restored(stack: Stack) -> None:
    """By the commands of docs/operations.md without the containers; twice, as over a live database."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    dump, restore = re.findall(r"postgres (pg_dump .*|pg_restore .*) [<>] records\.dump", page)
    stack.postgres.create_database("restored")
    try:
        for _ in range(2):
            stack.postgres.run_tools(dump, restore.replace("-d oxywatch", "-d restored"))
        for table in ("tank", "account", "rule_setting"):
            count = f"SELECT count(*) FROM {table}"
            assert stack.postgres.psql(count, "restored") == stack.postgres.psql(count, "oxywatch") != "0"
        with pytest.raises(ServerError, match="append-only"):
            stack.postgres.psql("DELETE FROM audit", "restored")
    finally:
        stack.postgres.drop_database("restored")


def test_the_reader_of_the_time_series_is_made_once(tmp_path: Path) -> None:
    """`influx` is a stand-in here that prints what the real one documents."""
    calls = tmp_path / "calls"
    answer = (
        '{\n\t"id": "0a",\n\t"description": "Grafana reads",\n\t"token": "abc-_D==",\n\t"status": "active"\n}'
    )
    influx = tmp_path / "influx"
    influx.write_text(f"#!/bin/sh\necho \"$@\" >> {calls}\ncat <<'END'\n{answer}\nEND\n", encoding="utf-8")
    influx.chmod(0o755)
    (tmp_path / "influx_token").write_text("operator", encoding="utf-8")
    text = (DEPLOY / "influxdb" / "reader.sh").read_text(encoding="utf-8")
    changes = {"/run/reader": str(tmp_path), "/run/secrets": str(tmp_path)}
    script = tmp_path / "reader.sh"
    script.write_text(compose.replaced(text, changes), encoding="utf-8")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for _ in range(2):
        subprocess.run(["sh", str(script)], env=environment, check=True)
    assert (tmp_path / "influx_read_token").read_text(encoding="utf-8") == "abc-_D=="
    (call,) = calls.read_text(encoding="utf-8").splitlines()
    assert "--read-buckets" in call
    assert "--write" not in call


def test_every_program_ends_in_good_order_when_the_container_is_stopped(stack: Stack) -> None:
    """Docker sends SIGTERM and kills ten seconds later; the last test here, for obvious reasons."""
    began = time.monotonic()
    assert stack.stop() == dict.fromkeys(STAY, 0)
    assert time.monotonic() - began < 10 * len(STAY)
