"""The broker's door, with a real Mosquitto, its plugin and TLS."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from broker_link import BrokerSettings, Session
from certificates import Revocation, read_certificate
from jobs import service
from jobs.broker_control import RESPONSE, BrokerControl, listening
from jobs.broker_rules import acls_of, create_client
from jobs.dynamic_security import DynamicSecurity, DynamicSecuritySettings
from jobs.settings import JobsSettings
from oxygen.errors import Rejected, Retryable
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic, watch_topic
from records import enrolment, registry
from records.database import Database
from records.enrolment import GatewayCertificate
from records.registry import Facility, Gateway, Registry
from tests.deploy.clients import Client
from tests.jobs.door import NOW, Door, prepare_script

GRANTED, DENIED, DELIVERED, UNHEARD = "Granted QoS 1", "Not authorized", "Success", "No matching subscribers"
ADDRESSES = {
    "gw-t1": GatewayAddress("hcm", "bv-a", "gw-t1"),
    "gw-t2": GatewayAddress("hcm", "bv-b", "gw-t2"),
}
SETTINGS = DynamicSecuritySettings(look_every_s=0.1, compare_every_s=60.0, answer_within_s=5.0)
NOW_US = round(NOW.timestamp()) * 1_000_000
REGISTRY = Registry(
    version=0,
    facilities=(Facility("bv-a", "A", "A", "hcm"), Facility("bv-b", "B", "B", "hcm")),
    gateways=(Gateway("gw-t1", "bv-a"), Gateway("gw-t2", "bv-b")),
)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    (tmp_path / "door").mkdir()
    made = Door(tmp_path / "door")
    with made.broker:
        yield made


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/records.sqlite")
    await opened.migrate()
    async with opened.write() as tx:
        await registry.import_registry(tx, REGISTRY, actor="lan", now_us=1)
    yield opened
    await opened.close()


@pytest.fixture
async def keeper(door: Door, database: Database) -> AsyncIterator[DynamicSecurity]:
    """The door's keeper, connected, doing nothing by itself."""
    async with AsyncExitStack() as stack:
        control = BrokerControl(
            await stack.enter_async_context(jobs_session(door)), patience_s=SETTINGS.answer_within_s
        )
        await stack.enter_async_context(listening(control))
        async with asyncio.timeout(20):
            while not control.connections:
                await asyncio.sleep(0.02)
        yield DynamicSecurity(control, database, SETTINGS, clock=lambda: NOW_US, sleep=asyncio.sleep)


def broker_settings(door: Door, program: str) -> BrokerSettings:
    return BrokerSettings(
        host="localhost",
        port=door.broker.port,
        ca_file=str(door.folder / "ca.pem"),
        cert_file=str(door.folder / f"service.{program}.pem"),
        key_file=str(door.folder / f"service.{program}.key"),
        backoff_cap_s=0.5,
    )


def jobs_session(door: Door) -> Session:
    return Session(broker_settings(door, "jobs"), client_id="jobs-1", subscriptions=[RESPONSE])


async def admit(database: Database, door: Door, gateway: str) -> Path:
    """Give a gateway a certificate, as enrolment does."""
    path = door.make_client(gateway)
    known, _ = read_certificate(path.read_text(encoding="ascii"))
    kept = GatewayCertificate(known.serial, gateway, known.fingerprint, 0, known.not_after_us, NOW_US)
    async with database.write() as tx:
        await enrolment.add_certificate(tx, kept, actor="enrolment", now_us=NOW_US)
    return path


async def revoke(database: Database, gateway: str) -> None:
    async with database.write() as tx:
        await enrolment.revoke_gateway(tx, gateway, reason="stolen", actor="lan", now_us=NOW_US)


async def in_thread(work: Callable[[], None]) -> None:
    """Run what waits for the broker beside the event loop."""
    await asyncio.to_thread(work)


def may_work(client: Client, gateway: str) -> bool:
    """Tell whether a client may do all that a gateway has to."""
    own = ADDRESSES[gateway]
    sent = [
        client.publish(gateway_topic(own, leaf))
        for leaf in (Leaf.SAMPLES, Leaf.STATE, Leaf.CONFIG_STATE, Leaf.ALARM)
    ]
    heard = [gateway_topic(own, leaf) for leaf in (Leaf.ACK, Leaf.REQUEST, Leaf.CONFIG)]
    heard.append(watch_topic(own.shard, own.facility))
    subscribed = [client.subscribe(topic) for topic in heard]
    return set(sent) <= {DELIVERED, UNHEARD} and set(subscribed) == {GRANTED}


def may_do_nothing(client: Client, gateway: str) -> bool:
    own = ADDRESSES[gateway]
    return (
        client.publish(gateway_topic(own, Leaf.SAMPLES)) == DENIED
        and client.subscribe(gateway_topic(own, Leaf.ACK)) == DENIED
    )


async def test_an_enrolled_gateway_is_let_in_and_works(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    certificate = await admit(database, door, "gw-t1")

    def before() -> None:
        with door.client(certificate) as client:
            assert may_do_nothing(client, "gw-t1")

    def after() -> None:
        with door.program("ingest") as ingest, door.client(certificate) as client:
            assert ingest.subscribe("oxy/1/hcm/+/gw/+/samples") == GRANTED
            assert may_work(client, "gw-t1")
            assert ingest.received()[0] == gateway_topic(ADDRESSES["gw-t1"], Leaf.SAMPLES)

    await in_thread(before)
    assert await keeper.apply() == 1
    await in_thread(after)
    assert await keeper.apply() == 0


async def test_a_revoked_gateway_is_thrown_out_and_stays_out(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    """Its live session ends; it may connect again, for the certificate lasts, but may do nothing."""
    certificate = await admit(database, door, "gw-t1")
    await keeper.apply()
    gone: list[str] = []

    def connect() -> Client:
        client = door.client(certificate)
        client.__enter__()
        assert may_work(client, "gw-t1")
        return client

    client = await asyncio.to_thread(connect)
    await revoke(database, "gw-t1")
    revoked_s = time.monotonic()
    assert await keeper.apply() == 1
    await in_thread(lambda: gone.append(client.ended.get(timeout=10)))
    took_s = time.monotonic() - revoked_s
    await in_thread(lambda: client.__exit__(None, None, None))

    def again() -> None:
        with door.client(certificate) as second:
            assert second.answer == "" or may_do_nothing(second, "gw-t1")

    await in_thread(again)
    assert took_s < 3.0
    async with database.read() as tx:
        assert await enrolment.accesses(tx, undone_only=True) == []


async def test_a_gateway_does_nothing_under_another_name(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    first, _ = await admit(database, door, "gw-t1"), await admit(database, door, "gw-t2")
    await keeper.apply()
    other = ADDRESSES["gw-t2"]
    elsewhere = GatewayAddress("hni", "bv-a", "gw-t1")

    def try_all() -> None:
        with door.client(first) as client:
            for leaf in Leaf:
                assert client.publish(gateway_topic(other, leaf)) == DENIED, leaf
                assert client.subscribe(gateway_topic(other, leaf)) == DENIED, leaf
                assert client.publish(gateway_topic(elsewhere, leaf)) == DENIED, leaf
            own = ADDRESSES["gw-t1"]
            for topic in (gateway_topic(own, Leaf.ACK), gateway_topic(own, Leaf.CONFIG), RESPONSE):
                assert client.publish(topic) == DENIED, topic
            for wide in ("#", "oxy/#", "oxy/1/hcm/+/gw/+/ack", "$CONTROL/#", watch_topic("hcm", "bv-b")):
                assert client.subscribe(wide) == DENIED, wide
            assert client.publish("$CONTROL/dynamic-security/v1", b'{"commands":[]}') == DENIED

    await in_thread(try_all)


async def test_nobody_takes_over_another_ones_client_id(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    """Neither a gateway's nor a program's: the certificate alone says who somebody is."""
    first, second = await admit(database, door, "gw-t1"), await admit(database, door, "gw-t2")
    await keeper.apply()

    def take_over() -> None:
        with door.client(first, "gw-t1") as victim, door.program("ingest") as ingest:
            for stolen in ("gw-t1", "ingest-1", "service.ingest", "jobs-1"):
                with door.client(second, stolen) as thief:
                    assert may_do_nothing(thief, "gw-t1")
            assert may_work(victim, "gw-t1")
            assert ingest.subscribe("oxy/1/hcm/+/gw/+/samples") == GRANTED
            assert victim.ended.empty()

    await in_thread(take_over)
    assert keeper.compared == 0


async def test_foreign_and_expired_certificates_get_no_further_than_the_handshake(
    door: Door, tmp_path: Path
) -> None:
    (tmp_path / "foreign").mkdir()
    foreign = Door(tmp_path / "foreign")
    shutil.copy(foreign.make_client("gw-t1"), door.folder / "foreign.pem")
    shutil.copy(foreign.folder / "gw-t1.key", door.folder / "foreign.key")
    expired = door.make_client(
        "gw-t1", now=NOW - timedelta(days=60), life=timedelta(days=30), file_name="expired"
    )
    foreign.broker.close()

    assert await asyncio.to_thread(door.is_shut_to, door.folder / "foreign.pem")
    assert await asyncio.to_thread(door.is_shut_to, expired)
    assert not await asyncio.to_thread(door.is_shut_to, door.make_client("gw-t1"))


async def test_a_broker_that_looks_at_the_list_refuses_a_revoked_certificate(door: Door) -> None:
    """Mosquitto reads the list when it starts; until then the rules alone keep a gateway out."""
    listed, standing = door.make_client("gw-t1"), door.make_client("gw-t2")
    path = door.folder / "revoked.pem"
    path.write_bytes(door.authority.revocation_list([], now=NOW))
    path.chmod(0o644)
    door.folder.chmod(0o755)
    copy = door.broker.folder / "config" / "revoked.pem"
    shutil.copy(path, copy)
    door.broker.own(copy)
    shipped = type(door.broker).prepare

    def with_list() -> None:
        shipped(door.broker)
        conf = door.broker.folder / "config" / "mosquitto.conf"
        text = conf.read_text(encoding="utf-8").replace("cafile ", f"crlfile {copy}\ncafile ", 1)
        conf.write_text(text, encoding="utf-8")

    door.broker.prepare = with_list  # type: ignore[method-assign]
    await asyncio.to_thread(door.broker.restart)
    assert not await asyncio.to_thread(door.is_shut_to, listed)

    known, _ = read_certificate(listed.read_text(encoding="ascii"))
    copy.write_bytes(door.authority.revocation_list([Revocation(known.serial, NOW_US)], now=NOW))
    await asyncio.to_thread(door.broker.restart)

    assert await asyncio.to_thread(door.is_shut_to, listed)
    assert not await asyncio.to_thread(door.is_shut_to, standing)


async def test_a_comparison_finds_nothing_when_all_is_well(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    for gateway in ADDRESSES:
        await admit(database, door, gateway)
    await keeper.apply()

    assert await keeper.reconcile() == []


@pytest.mark.parametrize(
    ("by_hand", "kind"),
    [
        (["deleteClient gw-t1"], "missing_client"),
        (["deleteClient gw-t1", "deleteRole role.gw-t1"], "missing_role"),
        (["addRoleACL role.gw-t1 subscribePattern # allow"], "wrong_role"),
        (["removeRoleACL role.gw-t1 publishClientSend oxy/1/hcm/bv-a/gw/gw-t1/state"], "wrong_role"),
        (["addClientRole gw-t1 role.service.ingest"], "wrong_role"),
        (["disableClient gw-t1"], "wrong_role"),
    ],
)
async def test_what_was_changed_by_hand_is_found_kept_and_set_right(
    door: Door, database: Database, keeper: DynamicSecurity, by_hand: list[str], kind: str
) -> None:
    certificate = await admit(database, door, "gw-t1")
    await keeper.apply()
    await keeper.reconcile()
    # The tool has the same certificate: the two throw each other out, and ours comes back.
    for command in by_hand:
        await asyncio.to_thread(door.rules_by_hand, *command.split())
    found = await patiently(keeper)
    async with database.read() as tx:
        kept = await enrolment.differences(tx)
    again = await patiently(keeper)
    async with database.read() as tx:
        left = await enrolment.differences(tx)

    assert {(each.kind, each.client) for each in found} >= {(kind, "gw-t1")}
    assert {each.kind for each in kept} >= {kind}
    assert again == []
    assert left == []

    def works() -> None:
        with door.client(certificate) as client:
            assert may_work(client, "gw-t1")

    await in_thread(works)


async def patiently(keeper: DynamicSecurity) -> list[enrolment.Difference]:
    """Compare; again while the connection is made anew."""
    for _ in range(100):
        try:
            return list(await keeper.reconcile())
        except Retryable:
            await asyncio.sleep(0.1)
    raise AssertionError("the broker does not come back")


async def test_a_revoked_gateway_put_back_by_hand_is_thrown_out_again(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    await admit(database, door, "gw-t1")
    await keeper.apply()
    await revoke(database, "gw-t1")
    await keeper.apply()
    (answer,) = await keeper._control.do([{**create_client("gw-t1"), "roles": []}])
    found = await keeper.reconcile()
    again = await keeper.reconcile()

    assert not answer.error
    assert [(each.kind, each.client) for each in found] == [("revoked_client", "gw-t1")]
    assert again == []


async def test_a_stranger_is_told_of_and_left_alone(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    """A client that was never registered, and one whose gateway was registered but enrolled elsewhere."""
    for name in ("stranger", "gw-t2", "admin"):
        await keeper._control.must({"command": "createClient", "username": name})
    found = await keeper.reconcile()
    rules = await keeper._control.rules()

    assert [(each.kind, each.client) for each in found] == [("unknown_client", "stranger")]
    assert {"stranger", "gw-t2", "admin"} <= set(rules.clients)


async def test_a_gateway_out_of_use_is_thrown_out(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    await admit(database, door, "gw-t1")
    await keeper.apply()
    async with database.write() as tx:
        await registry.retire(tx, Gateway, "gw-t1", reason="old", actor="lan", now_us=NOW_US)
    await keeper.reconcile()

    assert "gw-t1" not in (await keeper._control.rules()).clients


async def test_rules_of_many_gateways_are_read_whole(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    """More than fit one page of the plugin's answer."""
    many = [f"gw-m{number}" for number in range(450)]
    for start in range(0, len(many), 50):
        commands = [{"command": "createClient", "username": name} for name in many[start : start + 50]]
        assert not any(answer.error for answer in await keeper._control.do(commands))

    assert set(many) <= set((await keeper._control.rules()).clients)


async def test_what_the_broker_refuses_is_noted_and_tried_again(
    door: Door, database: Database, keeper: DynamicSecurity, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admit(database, door, "gw-t1")

    async def refuse(*_: object, **__: object) -> bool:
        raise Rejected("createRole: Invalid ACL", code="broker_refused", detail="Invalid ACL")

    with monkeypatch.context() as broken:
        broken.setattr(keeper._control, "must", refuse)
        assert await keeper.apply() == 0
    async with database.read() as tx:
        (undone,) = await enrolment.accesses(tx, undone_only=True)

    assert "Invalid ACL" in undone.problem
    assert await keeper.apply() == 1


async def test_jobs_lets_in_throws_out_and_mends_by_itself(door: Door, database: Database) -> None:
    """The whole program, over a broker that is killed and comes back without its rules."""
    stop = asyncio.Event()
    settings = JobsSettings(dynamic_security=SETTINGS, instance="jobs-1")
    running = asyncio.create_task(
        service.run(settings, database, broker_settings(door, "jobs"), clock=lambda: NOW_US, stop=stop)
    )
    certificate = await admit(database, door, "gw-t1")
    await until(lambda: works(door, certificate), "let in")
    await asyncio.to_thread(door.broker.kill)
    await asyncio.to_thread(door.broker.start)
    await until(lambda: works(door, certificate), "let in again after the broker lost its rules")
    await revoke(database, "gw-t1")
    await until(lambda: not works(door, certificate), "thrown out")
    stop.set()
    await asyncio.wait_for(running, 20)

    async with database.read() as tx:
        past = await enrolment.differences(tx, resolved_too=True)
    assert "missing_client" in {each.kind for each in past}


def works(door: Door, certificate: Path) -> bool:
    with door.client(certificate) as client:
        topic = gateway_topic(ADDRESSES["gw-t1"], Leaf.SAMPLES)
        return client.publish(topic) in (DELIVERED, UNHEARD)


async def until(holds: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline_s, what
        await asyncio.sleep(0.1)


def test_roles_are_literal_and_those_of_the_shipped_file(tmp_path: Path) -> None:
    """What deploy/prepare.py writes for a gateway and what the centre writes are one and the same."""
    (tmp_path / "door").mkdir()
    door = Door(tmp_path / "door")
    door.broker.close()
    shipped = prepare_script().gateway_grants("hcm", "bv-a", "gw-t1")
    ours = {(kind, topic) for kind, topic, _ in acls_of(ADDRESSES["gw-t1"])}

    assert ours == set(shipped)
    assert not any("+" in topic or "#" in topic for _, topic in ours)


async def test_emptied_roles_give_nothing_to_whoever_has_them(
    door: Door, database: Database, keeper: DynamicSecurity
) -> None:
    """And the broker lives on, which deleting a role that somebody has does not let it."""
    await admit(database, door, "gw-t1")
    await keeper.apply()
    await keeper._control.must({"command": "createClient", "username": "stranger"})
    shared = {"command": "addClientRole", "username": "stranger", "rolename": "role.gw-t1"}
    await keeper._control.must(shared)
    pid = door.broker.pid
    await revoke(database, "gw-t1")
    await keeper.apply()
    rules = await keeper._control.rules()

    assert rules.roles["role.gw-t1"].acls == []
    assert (door.broker.pid, door.broker.running) == (pid, True)
