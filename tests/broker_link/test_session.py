"""A session survives what brokers and networks do to it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broker_link import BrokerSettings, Message, Session, Will, backoff_s
from oxygen.errors import Retryable
from tests.broker_link.brokers import Iotcore
from tests.servers import Mosquitto, Server

BROKERS: dict[str, type[Server]] = {"mosquitto": Mosquitto, "iotcore": Iotcore}
PATIENCE_S = 15


@pytest.fixture(params=sorted(BROKERS))
def broker(request: pytest.FixtureRequest) -> Iterator[Server]:
    with BROKERS[request.param]() as server:
        yield server


def settings(server: Server) -> BrokerSettings:
    """A twentieth of the product's own patience."""
    return BrokerSettings(
        host=server.host,
        port=server.port,
        keepalive_s=1,
        connect_timeout_s=0.5,
        publish_timeout_s=0.5,
        backoff_first_s=0.025,
        backoff_cap_s=1.5,
    )


@asynccontextmanager
async def connected(
    server: Server, name: str, *filters: str, will: Will | None = None
) -> AsyncIterator[Session]:
    maker = (lambda: will) if will else None
    async with Session(settings(server), client_id=name, subscriptions=filters, will=maker) as session:
        await asyncio.wait_for(session.connected.wait(), PATIENCE_S)
        yield session


async def next_of(session: Session) -> Message:
    return await asyncio.wait_for(session.receive(), PATIENCE_S)


async def until_down(session: Session) -> None:
    while session.connected.is_set():
        await asyncio.sleep(0.02)


async def publish_until_accepted(session: Session, topic: str, payload: bytes) -> None:
    """What a careful sender does: wait for the connection and try again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await session.connected.wait()
            try:
                return await session.publish(topic, payload)
            except Retryable:
                await asyncio.sleep(0.02)


async def test_messages_arrive_in_order_with_their_topic(broker: Server) -> None:
    async with connected(broker, "reader", "a/+", "b/#") as reader, connected(broker, "writer") as writer:
        for number in range(50):
            await writer.publish(f"a/{number % 3}", b"%d" % number)
        await writer.publish("b/c/d", bytes(range(256)) * 400)
        got = [await next_of(reader) for _ in range(51)]
    assert got[:50] == [Message(f"a/{n % 3}", b"%d" % n, False) for n in range(50)]
    assert got[50].payload == bytes(range(256)) * 400


async def test_after_a_broker_is_killed_and_started_the_subscription_is_there_again(broker: Server) -> None:
    async with connected(broker, "reader", "t/#") as reader, connected(broker, "writer") as writer:
        broker.kill()
        await asyncio.wait_for(until_down(writer), PATIENCE_S)
        with pytest.raises(Retryable):
            await writer.publish("t/lost", b"")
        broker.start()
        await asyncio.wait_for(reader.connected.wait(), PATIENCE_S)
        await publish_until_accepted(writer, "t/after", b"1")
        while (await next_of(reader)).topic != "t/after":
            pass
        assert reader.connections == 2


async def test_a_frozen_broker_is_given_up_and_found_again(broker: Server) -> None:
    """A half-open connection looks alive until the keepalive says otherwise."""
    async with connected(broker, "reader", "t/#") as reader, connected(broker, "writer") as writer:
        broker.pause()
        await asyncio.wait_for(asyncio.gather(until_down(reader), until_down(writer)), PATIENCE_S)
        with pytest.raises(Retryable):
            await writer.publish("t/frozen", b"")
        await asyncio.sleep(1.0)
        broker.resume()
        await asyncio.wait_for(reader.connected.wait(), PATIENCE_S)
        await publish_until_accepted(writer, "t/after", b"1")
        while (await next_of(reader)).topic != "t/after":
            pass


async def test_a_lost_client_leaves_its_will_and_an_orderly_one_does_not(broker: Server) -> None:
    async with connected(broker, "watcher", "will/#") as watcher:
        async with connected(broker, "orderly", will=Will("will/orderly", b"gone")) as orderly:
            await orderly.publish("will/mark", b"1")
        async with connected(broker, "lost", will=Will("will/lost", b"gone")) as lost:
            assert lost._client is not None
            raw = lost._client._client.socket()
            assert isinstance(raw, socket.socket)
            raw.shutdown(socket.SHUT_RDWR)
            assert (await next_of(watcher)).topic == "will/mark"
            assert await next_of(watcher) == Message("will/lost", b"gone", False)


async def test_a_retained_message_meets_a_late_subscriber(broker: Server) -> None:
    async with connected(broker, "writer") as writer:
        await writer.publish("state/x", b"old", retain=True)
        await writer.publish("state/x", b"new", retain=True)
    async with connected(broker, "reader", "state/#") as reader:
        assert await next_of(reader) == Message("state/x", b"new", True)


async def test_a_full_inbox_drops_and_counts_instead_of_growing(mosquitto: Mosquitto) -> None:
    async with (
        Session(settings(mosquitto), client_id="slow", subscriptions=["flood"], inbox_size=5) as slow,
        connected(mosquitto, "writer") as writer,
    ):
        await asyncio.wait_for(slow.connected.wait(), PATIENCE_S)
        for number in range(20):
            await writer.publish("flood", b"%d" % number)
        async with asyncio.timeout(PATIENCE_S):
            while slow.dropped < 15:
                await asyncio.sleep(0.01)
        assert [(await slow.receive()).payload for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


async def test_down_and_up_are_logged_once_each(
    private_mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="broker_link.session")
    async with connected(private_mosquitto, "one") as session:
        private_mosquitto.stop()
        await asyncio.sleep(1.0)
        assert "refused" in session.last_error
        private_mosquitto.start()
        await asyncio.wait_for(session.connected.wait(), PATIENCE_S)
        assert session.last_error == ""
    refused = [record for record in caplog.records if "refused" in record.getMessage()]
    up = [record for record in caplog.records if "connected to" in record.getMessage()]
    assert (len(refused), len(up)) == (1, 2)


async def test_a_password_comes_from_its_file_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    word = tmp_path / "word"
    with Mosquitto(users={"gw": "secret"}) as server:
        good = {"username": "gw", "password_file": str(word)}
        mine = BrokerSettings(host=server.host, port=server.port, backoff_first_s=0.025, **good)  # type: ignore[arg-type]
        word.write_text("wrong\n")
        async with Session(mine, client_id="gw") as session:
            async with asyncio.timeout(PATIENCE_S):
                while "authori" not in session.last_error.lower():
                    await asyncio.sleep(0.02)
            word.unlink()
            async with asyncio.timeout(PATIENCE_S):
                while str(word) not in session.last_error:
                    await asyncio.sleep(0.02)
            word.write_text("secret\n")
            await asyncio.wait_for(session.connected.wait(), PATIENCE_S)


async def test_leaving_while_the_broker_is_frozen_takes_no_longer_than_the_timeout(
    private_mosquitto: Mosquitto,
) -> None:
    async with asyncio.timeout(5):
        async with connected(private_mosquitto, "one"):
            private_mosquitto.pause()
        async with Session(settings(private_mosquitto), client_id="two"):
            await asyncio.sleep(0.2)
    private_mosquitto.resume()


def test_the_pause_doubles_up_to_the_cap_and_never_falls_below_half() -> None:
    mine = BrokerSettings(backoff_first_s=1.0, backoff_cap_s=30.0)
    longest = [backoff_s(mine, failures, 1.0) for failures in (1, 2, 3, 4, 5, 6, 7, 5000)]
    assert longest == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert backoff_s(mine, 6, 0.0) == 15.0
