"""docker-compose.yml is a valid compose file whose parts fit together."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import prepare
from oxywatch.settings import load_settings
from tests.deploy import compose
from tests.deploy.shipped import DEPLOY, ROOT, prepared


def test_it_is_valid_by_the_schema_of_compose_files() -> None:
    """The schema is the one that check-jsonschema ships."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(compose.COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["networks", "secrets", "volumes"])
def test_what_services_name_is_declared_and_nothing_is_declared_in_vain(kind: str) -> None:
    """Also that every service that is waited for exists."""
    used: set[str] = set()
    for service in compose.services().values():
        if kind == "volumes":
            used |= {source for source in compose.mounts(service).values() if not source.startswith(".")}
        elif kind == "secrets":
            used |= {item if isinstance(item, str) else item["source"] for item in service.get(kind, [])}
        else:
            used |= set(service.get(kind, []))
    assert used == set(compose.document()[kind])


def test_whoever_is_waited_for_exists_and_can_come_up() -> None:
    """A service is waited for as healthy only if it has a health check, as completed only if it ends."""
    services = compose.services()
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            waited = services[other]
            if wait["condition"] == "service_healthy":
                assert waited["healthcheck"]["test"], (name, other)
            if wait["condition"] == "service_completed_successfully":
                assert waited["restart"] == "on-failure", (name, other)
            # Without the profile, nothing may wait for what only the profile starts.
            assert "profiles" in service or "profiles" not in waited, (name, other)


def test_every_mounted_file_is_in_the_tree_or_made_by_prepare(tmp_path: Path) -> None:
    """A name that is wrong would become an empty folder in the container."""
    made = prepared(tmp_path / "secrets", "--demo")
    for service in compose.services().values():
        named = [source for source in compose.mounts(service).values() if source.startswith(".")]
        for source in [*named, *compose.secret_files(service).values()]:
            path = Path(source)
            if path.is_relative_to("deploy/secrets"):
                assert (made / path.relative_to("deploy/secrets")).exists(), source
            else:
                assert (ROOT / path).exists(), source


def test_every_service_that_stays_is_restarted_watched_and_cannot_fill_the_disk_with_its_log() -> None:
    """One-shots are tried again until they succeed."""
    for name, service in compose.services().items():
        if service["restart"] == "on-failure":
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert service["logging"]["options"]["max-size"], name


def test_the_databases_are_reached_from_nowhere_outside() -> None:
    """They publish no port and stand on one network, which has no way out."""
    services = compose.services()
    assert compose.document()["networks"]["stores"] == {"internal": True}
    for name in ("postgres", "influxdb"):
        assert "ports" not in services[name]
        assert services[name]["networks"] == ["stores"]


def test_pages_and_dashboards_listen_on_loopback_until_told_otherwise() -> None:
    """They speak plain HTTP; only the broker, which speaks TLS alone, is open to other machines."""
    services = compose.services()
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"mosquitto", "api", "grafana"}
    for name in ("api", "grafana"):
        (port,) = published[name]
        assert re.fullmatch(r"\$\{OXYWATCH_\w+:-127\.0\.0\.1:\d+\}:\d+", port), port


def test_our_programs_run_without_privileges_on_a_disk_that_they_cannot_change() -> None:
    """Whatever they write goes to a volume or to memory."""
    for name in compose.OURS:
        service = compose.services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_no_secret_stands_in_the_file_or_in_the_settings() -> None:
    """What is secret is named by a file, and that file is ignored by git."""
    text = compose.COMPOSE.read_text(encoding="utf-8")
    for key, value in re.findall(r"(\w*(?:PASSWORD|TOKEN)\w*)[:=] *(\S+)", text):
        assert value.startswith(("/run/", '"$$(cat')), f"{key}: {value}"
    ignored = subprocess.run(
        ["git", "check-ignore", "-q", "deploy/secrets/influx_token"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 0
    settings = (DEPLOY / "centre.toml").read_text(encoding="utf-8")
    assert re.findall(r"^(?:password|token)\s*=", settings, re.MULTILINE) == []


def test_each_program_is_given_the_secrets_that_its_settings_name_and_its_own_certificate() -> None:
    """Nobody holds another's key, and nobody but the broker holds the broker's."""
    named = set(re.findall(r"/run/secrets/([\w.]+)", _without_comments(DEPLOY / "centre.toml")))
    for name in ("ingest", "alerts", "jobs", "api"):
        service = compose.services()[name]
        given = compose.secret_files(service)
        assert given["client.key"].endswith(f"/{name}.key")
        assert set(given) <= named
        assert named - set(given) <= {"influx_token"}
        reads_series = name in ("ingest", "api")
        assert ("influx_token" in given) == reads_series
    holders = [n for n, s in compose.services().items() if "broker.key" in compose.secret_files(s)]
    assert holders == ["mosquitto"]


def _without_comments(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def test_the_shipped_settings_are_accepted_also_with_all_that_is_commented_out(tmp_path: Path) -> None:
    """An example that is refused helps nobody."""
    shipped = (DEPLOY / "centre.toml").read_text(encoding="utf-8")
    settings = load_settings(DEPLOY / "centre.toml")
    assert settings.alerts.smtp is None
    open_lines = [re.sub(r"^# (?=\[|\w+ = )", "", line) for line in shipped.splitlines()]
    everything = tmp_path / "centre.toml"
    everything.write_text("\n".join(open_lines), encoding="utf-8")
    settings = load_settings(everything)
    assert settings.alerts.smtp is not None
    assert settings.api.secure_cookies


def test_settings_and_broker_speak_of_one_shard() -> None:
    """Otherwise ingest would subscribe to what it may not."""
    shard = load_settings(DEPLOY / "centre.toml").ingest.shard
    assert prepare.read_state(Path("nowhere"), None)["shard"] == shard
