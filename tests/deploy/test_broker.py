"""The shipped broker, with the certificates and roles of deploy/prepare.py, lets each do its part only."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.presence import SERVICE as ALERTS
from broker_link import BrokerSettings, Session
from ingest.receiver import subscriptions
from jobs.service import SERVICE as JOBS
from oxygen.wire.topics import (
    GatewayAddress,
    Leaf,
    all_statuses,
    gateway_topic,
    heartbeat_topic,
    status_topic,
    watch_topic,
)
from tests.deploy import compose
from tests.deploy.clients import Client, tls
from tests.deploy.shipped import ShippedMosquitto, prepared
from tests.servers import find_program

GRANTED = "Granted QoS 1"
DENIED = "Not authorized"
DELIVERED = "Success"
UNHEARD = "No matching subscribers"
OWN = GatewayAddress("hcm", "bv-cho-lon", "gw-cho-lon")
OTHER = GatewayAddress("hcm", "bv-can-gio", "gw-can-gio")
ELSEWHERE = GatewayAddress("hni", "bv-cho-lon", "gw-cho-lon")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/prepare.py makes for the simulated hospitals."""
    return prepared(tmp_path_factory.mktemp("made") / "secrets", "--demo")


@pytest.fixture(scope="module")
def broker(made: Path) -> Iterator[ShippedMosquitto]:
    """The shipped broker, for all tests here."""
    with ShippedMosquitto(made) as server:
        yield server


def gateway(broker: ShippedMosquitto, code: str = "gw-cho-lon", **options: object) -> Client:
    """Return a gateway's client; what it calls itself does not matter."""
    made = broker.secrets
    context = tls(made / "ca.pem", made / "gateways" / f"{code}.pem")
    client_id = str(options.pop("client_id", code))
    return Client(broker.port, context, client_id, **options)  # type: ignore[arg-type]


def program(broker: ShippedMosquitto, name: str, *, keep_session: bool = False) -> Client:
    """Return the client of one of the centre's programs."""
    made = broker.secrets
    context = tls(made / "ca.pem", made / f"{name}.pem")
    return Client(broker.port, context, f"{name}-1", keep_session=keep_session)


def refused(broker: ShippedMosquitto, context: ssl.SSLContext) -> bool:
    """Tell whether a client with this context gets no further than the handshake."""
    try:
        with Client(broker.port, context, "anyone") as client:
            return client.answer == ""
    except (ssl.SSLError, ConnectionError):
        return True


def test_without_a_certificate_nobody_comes_in(broker: ShippedMosquitto, made: Path) -> None:
    """Neither with TLS nor without."""
    assert refused(broker, tls(made / "ca.pem", None))
    with socket.create_connection(("127.0.0.1", broker.port)) as plain:
        plain.settimeout(10)
        plain.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x03any")
        try:
            answer = plain.recv(100)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"\x20"), "a CONNACK to a client that speaks no TLS"


def test_a_certificate_of_another_authority_does_not_count(
    broker: ShippedMosquitto, made: Path, tmp_path: Path
) -> None:
    """Even when it carries the right name."""
    foreign = prepared(tmp_path / "foreign", "--demo")
    assert refused(broker, tls(made / "ca.pem", foreign / "gateways" / "gw-cho-lon.pem"))


def test_the_certificate_of_the_broker_opens_no_door_for_a_client(
    broker: ShippedMosquitto, made: Path
) -> None:
    """It is for servers only."""
    assert refused(broker, tls(made / "ca.pem", made / "broker.pem"))


def test_a_client_trusts_no_broker_of_another_authority(broker: ShippedMosquitto, tmp_path: Path) -> None:
    """A gateway does not hand its samples to whoever took the broker's address."""
    foreign = prepared(tmp_path / "foreign")
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(broker.port, tls(foreign / "ca.pem", None), "gw").__enter__()


def test_what_a_gateway_publishes_reaches_ingest(broker: ShippedMosquitto) -> None:
    """And an acknowledgement reaches the gateway."""
    with program(broker, "ingest") as ingest, gateway(broker) as edge:
        for topic_filter in subscriptions("hcm"):
            assert ingest.subscribe(topic_filter) == GRANTED
        assert edge.subscribe(gateway_topic(OWN, Leaf.ACK)) == GRANTED
        assert edge.publish(gateway_topic(OWN, Leaf.SAMPLES), b"rows") == DELIVERED
        assert ingest.received() == (gateway_topic(OWN, Leaf.SAMPLES), b"rows")
        assert ingest.publish(gateway_topic(OWN, Leaf.ACK), b"stored") == DELIVERED
        assert edge.received() == (gateway_topic(OWN, Leaf.ACK), b"stored")


def test_a_gateway_publishes_under_its_own_name_only(broker: ShippedMosquitto) -> None:
    """A refused message reaches nobody, and the line stays up for the ones that are allowed."""
    forbidden = [
        gateway_topic(OTHER, Leaf.SAMPLES),
        gateway_topic(OTHER, Leaf.STATE),
        gateway_topic(ELSEWHERE, Leaf.SAMPLES),
        gateway_topic(OWN, Leaf.ACK),
        gateway_topic(OTHER, Leaf.ACK),
        gateway_topic(OWN, Leaf.CONFIG),
        status_topic("hcm", "bv-cho-lon", "tank:cho-lon-1"),
        watch_topic("hcm", "bv-cho-lon"),
        heartbeat_topic("ingest", "ingest-1"),
        "$CONTROL/dynamic-security/v1",
    ]
    with program(broker, "ingest") as ingest, gateway(broker, "gw-can-gio") as victim:
        ingest.subscribe("oxy/1/hcm/+/gw/+/samples")
        assert victim.subscribe(gateway_topic(OTHER, Leaf.ACK)) == GRANTED
        with gateway(broker) as edge:
            assert {topic: edge.publish(topic) for topic in forbidden} == dict.fromkeys(forbidden, DENIED)
            assert ingest.hears_nothing()
            assert victim.hears_nothing()
            assert edge.ended.empty()
            own = [gateway_topic(OWN, leaf) for leaf in (Leaf.STATE, Leaf.CONFIG_STATE, Leaf.ALARM)]
            assert {edge.publish(topic) for topic in own} == {UNHEARD}


def test_a_gateway_hears_what_is_meant_for_it_only(broker: ShippedMosquitto) -> None:
    """No wildcard is granted, not even below its own name."""
    forbidden = [
        gateway_topic(OTHER, Leaf.ACK),
        gateway_topic(OTHER, Leaf.CONFIG),
        gateway_topic(OTHER, Leaf.SAMPLES),
        watch_topic("hcm", "bv-can-gio"),
        all_statuses(),
        "#",
        "$SYS/#",
        "oxy/1/hcm/bv-cho-lon/gw/gw-cho-lon/+",
        "oxy/1/hcm/bv-cho-lon/gw/+/ack",
        "$share/g/oxy/1/hcm/bv-can-gio/gw/gw-can-gio/ack",
        "$CONTROL/dynamic-security/#",
    ]
    allowed = [gateway_topic(OWN, leaf) for leaf in (Leaf.ACK, Leaf.REQUEST, Leaf.CONFIG)]
    allowed.append(watch_topic("hcm", "bv-cho-lon"))
    with gateway(broker) as edge:
        assert {topic: edge.subscribe(topic) for topic in forbidden} == dict.fromkeys(forbidden, DENIED)
        assert {topic: edge.subscribe(topic) for topic in allowed} == dict.fromkeys(allowed, GRANTED)


def test_nobody_can_be_thrown_out_by_taking_their_client_id(broker: ShippedMosquitto) -> None:
    """The broker names a client by its certificate, whatever id it brings."""
    with program(broker, "ingest") as ingest, gateway(broker, "gw-can-gio") as victim:
        ingest.subscribe("oxy/1/hcm/+/gw/+/samples")
        for client_id in ("service.ingest", "ingest-1", "ingest-hcm-ingest-1", "gw-can-gio"):
            with gateway(broker, client_id=client_id) as edge:
                assert edge.publish(gateway_topic(OWN, Leaf.SAMPLES), b"mine") == DELIVERED
                assert edge.publish(gateway_topic(OTHER, Leaf.SAMPLES)) == DENIED
                assert ingest.received() == (gateway_topic(OWN, Leaf.SAMPLES), b"mine")
        assert ingest.ended.empty()
        assert victim.ended.empty()


@pytest.mark.parametrize("delay_s", [0, 1])
def test_a_last_will_on_the_topic_of_another_is_never_published(
    broker: ShippedMosquitto, delay_s: int
) -> None:
    """The broker would publish it by itself, long after the client is gone."""
    honest = gateway_topic(GatewayAddress("hcm", "bv-thu-duc", "gw-thu-duc"), Leaf.STATE)
    with program(broker, "ingest") as ingest:
        ingest.subscribe("oxy/1/hcm/+/gw/+/state")
        with gateway(broker, will_topic=gateway_topic(OTHER, Leaf.STATE), will_delay_s=delay_s) as forger:
            forger.vanish()
        with gateway(broker, "gw-thu-duc", will_topic=honest, will_delay_s=delay_s) as edge:
            edge.vanish()
        assert ingest.received() == (honest, b"gone")
        assert ingest.hears_nothing()


def test_a_program_has_no_rights_but_its_own(broker: ShippedMosquitto) -> None:
    """The pages cannot acknowledge, and what delivers alarms cannot read samples."""
    with program(broker, "api") as api, program(broker, "alerts") as alerts, program(broker, "jobs") as jobs:
        for client in (api, alerts, jobs):
            assert client.publish(gateway_topic(OWN, Leaf.ACK)) == DENIED
            assert client.publish(gateway_topic(OWN, Leaf.SAMPLES)) == DENIED
            assert client.subscribe("oxy/1/hcm/+/gw/+/samples") == DENIED
        assert api.publish(heartbeat_topic(ALERTS, "alerts-1")) == DENIED


async def test_every_program_may_do_what_its_code_does(broker: ShippedMosquitto, made: Path) -> None:
    """Filters and topics are those of the programs themselves."""
    does = {
        "ingest": (
            list(subscriptions("hcm")),
            [
                gateway_topic(OWN, Leaf.ACK),
                gateway_topic(OTHER, Leaf.REQUEST),
                status_topic("hcm", "bv-cho-lon", "tank:cho-lon-1"),
                heartbeat_topic("ingest", "ingest-1"),
            ],
        ),
        "alerts": (
            [all_statuses()],
            [watch_topic("hcm", "bv-cho-lon"), heartbeat_topic(ALERTS, "alerts-1")],
        ),
        "jobs": ([], [heartbeat_topic(JOBS, "jobs-1")]),
        "api": ([all_statuses()], []),
    }
    for name, (filters, topics) in does.items():
        settings = BrokerSettings(
            host="localhost",
            port=broker.port,
            ca_file=str(made / "ca.pem"),
            cert_file=str(made / f"{name}.pem"),
            key_file=str(made / f"{name}.key"),
        )
        async with Session(settings, client_id=name, subscriptions=filters) as session:
            # The session refuses to count as connected when a subscription is refused.
            await asyncio.wait_for(session.connected.wait(), 10)
        with program(broker, name) as client:
            assert {client.publish(topic) for topic in topics} <= {UNHEARD, DELIVERED}, name


def test_a_gateway_that_was_removed_can_do_nothing_after_the_next_start(tmp_path: Path) -> None:
    """Its certificate is still good, but nobody knows it any more."""
    made = prepared(tmp_path / "secrets", "--demo")
    kept = tmp_path / "kept.pem"
    for end in (".pem", ".key"):
        shutil.copyfile(made / "gateways" / f"gw-cho-lon{end}", kept.with_suffix(end))
    with ShippedMosquitto(made) as broker:
        prepared(made, "--remove-gateway", "gw-cho-lon", "--gateway", "bv-cho-lon/gw-cho-lon-2")
        broker.restart()
        with Client(broker.port, tls(made / "ca.pem", kept), "gw-cho-lon") as removed:
            assert removed.publish(gateway_topic(OWN, Leaf.SAMPLES)) == DENIED
            assert removed.subscribe(gateway_topic(OWN, Leaf.ACK)) == DENIED
        with gateway(broker, "gw-cho-lon-2") as successor:
            address = GatewayAddress("hcm", "bv-cho-lon", "gw-cho-lon-2")
            assert successor.publish(gateway_topic(address, Leaf.SAMPLES)) == UNHEARD


def test_more_than_a_thousand_messages_wait_for_a_program_that_is_away(broker: ShippedMosquitto) -> None:
    """By Mosquitto's default the newest would be dropped while their sender is told that they arrived."""
    count = 1300
    with program(broker, "ingest", keep_session=True) as ingest:
        ingest.subscribe("oxy/1/hcm/+/gw/+/samples")
    with gateway(broker) as edge:
        for number in range(count):
            assert edge.publish(gateway_topic(OWN, Leaf.SAMPLES), b"%d" % number) == DELIVERED
    with program(broker, "ingest", keep_session=True) as ingest:
        received = [int(ingest.received()[1]) for _ in range(count)]
    assert received == list(range(count))


def test_the_health_check_of_the_container_passes(broker: ShippedMosquitto, made: Path) -> None:
    """The exact command, and with another's certificate it fails."""
    _, name, *arguments = compose.services()["mosquitto"]["healthcheck"]["test"]
    command = [str(find_program(name)), *arguments]
    command[command.index("8883")] = str(broker.port)
    for key, expected in (("health", True), ("api", False)):
        mapped = [part.replace("/run/secrets/health", f"{made}/{key}") for part in command]
        mapped = [part.replace("/run/secrets", str(made)) for part in mapped]
        done = subprocess.run(mapped, capture_output=True, text=True, check=False, timeout=30)
        healthy = done.returncode == 0 and not done.stderr
        assert healthy == expected, done.stdout + done.stderr
