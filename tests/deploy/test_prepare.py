"""deploy/prepare.py makes secrets that are secret, certificates that hold, and roles without a wildcard."""

from __future__ import annotations

import json
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy import prepare as program
from deploy.demo.make import scenario_text, write_gateways
from firmware_sim import scenario_file
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic, watch_topic
from oxywatch.demo.registry import hospitals
from tests.deploy.shipped import DEPLOY, prepare, prepared


def certificate(path: Path) -> x509.Certificate:
    """Return the certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def name_of(made: x509.Certificate) -> str:
    """Return the common name."""
    return str(made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_nobody_else_on_the_machine_can_read_what_it_makes(tmp_path: Path) -> None:
    """The folder is closed; the files in it are open, because a container's user has another number."""
    made = prepared(tmp_path / "secrets", "--demo")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((made / "ingest.key").stat().st_mode) == 0o644


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    """No password, token or key is the same anywhere, nor within one installation."""
    first = contents(prepared(tmp_path / "a", "--demo"))
    second = contents(prepared(tmp_path / "b", "--demo"))
    secret = [name for name in first if name.endswith(".key") or name in program.PASSWORDS]
    assert len(secret) == len(program.PASSWORDS) + 2 + len(program.SERVICES) + len(program.DEMO)
    values = [made[name] for made in (first, second) for name in secret]
    assert len(set(values)) == len(values)
    assert all(len(first[name]) >= 32 for name in program.PASSWORDS)


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    """So that it can be part of every deployment."""
    made = prepared(tmp_path / "secrets", "--demo", "--host", "oxy.example.org")
    before = contents(made)
    assert "none, all serve on" in prepare(made).stdout
    assert contents(made) == before


def test_a_further_name_of_the_broker_makes_its_certificate_anew_and_no_other(tmp_path: Path) -> None:
    """A gateway outside reaches it by that name."""
    made = prepared(tmp_path / "secrets")
    before = contents(made)
    prepared(made, "--host", "oxy.example.org", "--host", "192.0.2.7")
    changed = {name for name, data in contents(made).items() if before.get(name) != data}
    assert changed == {"broker.pem", "broker.key", "installation.json"}
    names = certificate(made / "broker.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert "oxy.example.org" in names.value.get_values_for_type(x509.DNSName)
    assert "192.0.2.7" in [str(item) for item in names.value.get_values_for_type(x509.IPAddress)]


def test_a_certificate_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty days before its end."""
    out = tmp_path / "secrets"
    monkeypatch.setattr(program, "CERTIFICATE_DAYS", 59)
    program.prepare(program.options_of(["--out", str(out)]))
    ended = certificate(out / "ingest.pem").not_valid_after_utc
    monkeypatch.undo()
    assert "ingest" in program.prepare(program.options_of(["--out", str(out)]))
    assert certificate(out / "ingest.pem").not_valid_after_utc > ended + timedelta(days=300)


def test_certificates_carry_the_names_that_roles_are_given_to(tmp_path: Path) -> None:
    """And are for one use each: server or client."""
    made = prepared(tmp_path / "secrets", "--demo")
    roles = json.loads((made / "dynamic-security.json").read_text(encoding="utf-8"))
    users = {client["username"] for client in roles["clients"]}
    clients = [made / f"{name}.pem" for name in program.SERVICES]
    clients += [path for path in (made / "gateways").glob("*.pem") if path.name != "ca.pem"]
    assert {name_of(certificate(path)) for path in clients} == users
    for path in [*clients, made / "broker.pem"]:
        leaf = certificate(path)
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        serves = path.name == "broker.pem"
        expected = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
        assert list(usage) == [expected]
        assert datetime.now(UTC) < leaf.not_valid_after_utc
        leaf.verify_directly_issued_by(certificate(made / "ca.pem"))


def test_certificates_pass_the_strict_checks_of_newer_pythons(tmp_path: Path) -> None:
    """Python 3.13 demands by default what RFC 5280 does."""
    made = prepared(tmp_path / "secrets")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made / "broker.pem", made / "broker.key")
    server.load_verify_locations(made / "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(made / "ca.pem"))
    client.load_cert_chain(made / "ingest.pem", made / "ingest.key")
    for context in (server, client):
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(inward, outward, server_hostname="mosquitto"),
        server.wrap_bio(outward, inward, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ends[1].getpeercert() is not None
    assert ends[0].version() == "TLSv1.3"


def test_a_gateway_is_granted_exactly_its_own_topics(tmp_path: Path) -> None:
    """Literally: a wildcard or a pattern would reach further than one gateway."""
    made = prepared(tmp_path / "secrets", "--gateway", "bv-a/gw-a-1")
    roles = json.loads((made / "dynamic-security.json").read_text(encoding="utf-8"))
    (role,) = [role for role in roles["roles"] if role["rolename"] == "role.gw-a-1"]
    own = GatewayAddress("hcm", "bv-a", "gw-a-1")
    sends = {gateway_topic(own, leaf) for leaf in (Leaf.SAMPLES, Leaf.STATE, Leaf.CONFIG_STATE, Leaf.ALARM)}
    hears = {gateway_topic(own, leaf) for leaf in (Leaf.ACK, Leaf.REQUEST, Leaf.CONFIG)}
    hears.add(watch_topic("hcm", "bv-a"))
    granted = {(acl["acltype"], acl["topic"]) for acl in role["acls"] if acl["allow"]}
    expected = {("publishClientSend", topic) for topic in sends}
    expected |= {(kind, topic) for topic in hears for kind in ("subscribeLiteral", "publishClientReceive")}
    assert granted == expected
    assert not any(roles["defaultACLAccess"][kind] for kind in ("publishClientSend", "subscribe"))


def test_nobody_can_sign_in_with_a_password(tmp_path: Path) -> None:
    """The broker knows certificates only."""
    text = (prepared(tmp_path / "secrets", "--demo") / "dynamic-security.json").read_text(encoding="utf-8")
    assert "password" not in text


def test_a_gateway_cannot_be_named_like_a_program(tmp_path: Path) -> None:
    """Programs have a dot in their names, which no code may have."""
    assert all("." in program.service_user(name) for name in program.SERVICES)
    done = prepare(tmp_path / "secrets", "--gateway", "bv-a/service.ingest")
    assert done.returncode == 2
    assert "expected FACILITY/GATEWAY" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--gateway", "gw-only"], "expected FACILITY/GATEWAY"),
        (["--gateway", "bv-b/gw-a"], "gw-a belongs to bv-a"),
        (["--remove-gateway", "gw-x"], "no such gateway"),
        (["--host", "two words"], "expected a host name"),
        (["--shard", "hni"], "never renamed"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    """The message says what was expected."""
    made = prepared(tmp_path / "secrets", "--gateway", "bv-a/gw-a")
    before = contents(made)
    done = prepare(made, *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert contents(made) == before


def test_a_removed_gateway_loses_its_role_and_its_files(tmp_path: Path) -> None:
    """The others keep theirs."""
    made = prepared(tmp_path / "secrets", "--demo")
    prepared(made, "--remove-gateway", "gw-can-gio")
    assert "gw-can-gio" not in (made / "dynamic-security.json").read_text(encoding="utf-8")
    assert {path.stem for path in (made / "gateways").glob("*.key")} == set(program.DEMO) - {"gw-can-gio"}


def test_the_demo_gateways_are_those_of_the_simulated_hospitals() -> None:
    """The program that makes certificates cannot read the scenario; it has the names written in it."""
    gateways = scenario_file.shipped("demo").gateways
    assert {gateway.code: gateway.facility for gateway in gateways} == program.DEMO
    assert program.read_state(Path("nowhere"), None)["shard"] == hospitals().shard


def test_the_committed_demo_files_are_current(tmp_path: Path) -> None:
    """`python -m deploy.demo.make` writes them again."""
    assert (DEPLOY / "demo" / "scenario.toml").read_text(encoding="utf-8") == scenario_text()
    written = {path.name: path.read_text(encoding="utf-8") for path in write_gateways(tmp_path)}
    committed = (DEPLOY / "demo" / "gateways").glob("*.toml")
    assert {path.name: path.read_text(encoding="utf-8") for path in committed} == written
