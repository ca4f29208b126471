"""One MQTT 5 connection that mends itself.

Nothing may be concluded from a publish that the broker acknowledged, nor from a retained message: brokers
lose both. Whoever needs certainty asks the other end for an answer and repeats until it comes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import NamedTuple

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from broker_link.settings import BrokerSettings, password_of, tls_context
from oxygen.errors import Permanent, Retryable

_QOS = 1
_CANCEL_AGAIN_S = 1.0
_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """What arrived on a topic."""

    topic: str
    payload: bytes
    retain: bool


class Will(NamedTuple):
    """What the broker publishes, retained, when it loses this client."""

    topic: str
    payload: bytes


class Session:
    """A connection that is made again, with its subscriptions, whenever it breaks.

    Used as `async with Session(…) as session`, which runs `run()` beside the body.

    Attributes:
        connected: Set while connected and subscribed.
        connections: How often that was reached; a change tells that messages may have been missed.
        dropped: Messages thrown away because the inbox was full.
        last_error: Why there is no connection, in English; empty while connected.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str,
        subscriptions: Sequence[str] = (),
        will: Callable[[], Will] | None = None,
        inbox_size: int = 1000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; nothing is sent before `run`.

        Args:
            settings: Where and how.
            client_id: Unique at the broker; a second client with it throws the first one out.
            subscriptions: Topic filters, subscribed at every connection.
            will: Makes the last will of each connection, so that it can name the present state.
            inbox_size: Messages kept for `receive`; when full, new ones are dropped and counted.
            sleep, jitter: Passing of time, and a number in [0, 1).
        """
        self.connected = asyncio.Event()
        self.connections = 0
        self.dropped = 0
        self.last_error = ""
        self._settings = settings
        self._client_id = client_id
        self._subscriptions = tuple(subscriptions)
        self._will = will
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(inbox_size)
        self._sleep = sleep
        self._jitter = jitter
        self._client: aiomqtt.Client | None = None
        self._runner: asyncio.Task[None] | None = None
        self._was_full = False

    async def run(self) -> None:
        """Connect, stay, and connect again, until cancelled."""
        failures = 0
        while True:
            before = self.connections
            try:
                await self._one_connection()
            except (aiomqtt.MqttError, OSError, Permanent) as error:
                _stop_if_cancelled()
                failures = 1 if self.connections > before else failures + 1
                self._note_down(str(error) or type(error).__name__)
            finally:
                self.connected.clear()
                self._client = None
            await self._sleep(backoff_s(self._settings, failures, self._jitter()))

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand one message to the broker (QoS 1) and wait until it confirms having received it.

        Raises:
            Retryable: Not connected, or not confirmed in time; the message may or may not have gone out.
        """
        client = self._client
        if client is None:
            raise Retryable("the broker is not connected", code="broker_down", detail=self.last_error)
        try:
            await client.publish(
                topic, payload, qos=_QOS, retain=retain, timeout=self._settings.publish_timeout_s
            )
        except aiomqtt.MqttError as error:
            _stop_if_cancelled()
            raise Retryable(f"publish: {error}", code="broker_down", detail=str(error)) from error
        _stop_if_cancelled()

    async def receive(self) -> Message:
        """Return the next message; waits for one, over any number of reconnections."""
        return await self._inbox.get()

    async def messages(self) -> AsyncIterator[Message]:
        """Yield messages for ever, over any number of reconnections."""
        while True:
            yield await self._inbox.get()

    async def __aenter__(self) -> Session:
        """Start `run` in the background; does not wait for the broker."""
        self._runner = asyncio.create_task(self.run(), name=f"broker {self._client_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect in good order; the will is not published."""
        if self._runner is None:
            return
        while not self._runner.done():
            self._runner.cancel()
            await asyncio.wait([self._runner], timeout=_CANCEL_AGAIN_S)
        if not self._runner.cancelled() and error is None:
            self._runner.result()

    async def _one_connection(self) -> None:
        client = self._new_client()
        try:
            async with client:
                if self._subscriptions:
                    await self._subscribe(client)
                _stop_if_cancelled()
                self._client = client
                self._note_up()
                async for _ in client.messages:
                    pass  # the inbox takes every message; this only ends when the connection does
        finally:
            _hang_up(client)

    def _new_client(self) -> aiomqtt.Client:
        settings = self._settings
        will = self._will() if self._will else None
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            identifier=self._client_id,
            username=settings.username or None,
            password=password_of(settings),
            tls_context=tls_context(settings),
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(will.topic, will.payload, qos=_QOS, retain=True) if will else None,
            keepalive=settings.keepalive_s,
            timeout=settings.connect_timeout_s,
            queue_type=self._queue,  # type: ignore[arg-type] # any maker of a queue will do
            max_queued_outgoing_messages=10_000,
        )
        client.pending_calls_threshold = 10_000
        return client

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        options = SubscribeOptions(qos=_QOS)
        codes = await client.subscribe([(topic, options) for topic in self._subscriptions])
        for topic, code in zip(self._subscriptions, codes, strict=True):
            if isinstance(code, ReasonCode) and code.is_failure:
                raise aiomqtt.MqttError(f"the broker refuses the subscription to {topic}: {code}")

    def _queue(self, maxsize: int) -> _Funnel:
        del maxsize
        return _Funnel(self._take)

    def _take(self, message: Message) -> None:
        try:
            self._inbox.put_nowait(message)
            self._was_full = False
        except asyncio.QueueFull:
            self.dropped += 1
            if not self._was_full:
                _log.warning("%s: inbox of %d is full, dropping", self._client_id, self._inbox.maxsize)
            self._was_full = True

    def _note_up(self) -> None:
        self.connections += 1
        self.last_error = ""
        self.connected.set()
        _log.info("%s: connected to %s:%d", self._client_id, self._settings.host, self._settings.port)

    def _note_down(self, reason: str) -> None:
        if reason != self.last_error:
            host, port = self._settings.host, self._settings.port
            _log.warning("%s: no connection to %s:%d: %s", self._client_id, host, port, reason)
        self.last_error = reason


def backoff_s(settings: BrokerSettings, failures: int, jitter: float) -> float:
    """Return the pause before the next attempt: doubling from the first to the cap, then half to whole of it.

    Without jitter a hundred gateways would come back in the same instant.
    """
    doublings = min(max(failures - 1, 0), 32)
    whole = min(settings.backoff_cap_s, settings.backoff_first_s * 2.0**doublings)
    return whole * (0.5 + 0.5 * jitter)


class _Funnel(asyncio.Queue[aiomqtt.Message]):
    """Stands where aiomqtt keeps its incoming queue and hands every message on at once.

    aiomqtt's own queue dies with its connection and is drained by two tasks a message; when full it discards
    without telling anyone but the log.
    """

    def __init__(self, take: Callable[[Message], None]) -> None:
        super().__init__()
        self._take = take

    def put_nowait(self, item: aiomqtt.Message) -> None:
        self._take(Message(item.topic.value, item.payload, item.retain))


def _stop_if_cancelled() -> None:
    """Go on with a cancellation that the client has hidden.

    An error while disconnecting takes its place, and until Python 3.12 `asyncio.wait_for`, on which aiomqtt
    rests, forgets one that meets the very moment of its success.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _hang_up(client: aiomqtt.Client) -> None:
    """Make sure that nothing of a given-up connection stays behind.

    aiomqtt leaves the socket open when CONNECT is not answered in time; a late answer would bring a second
    client with our name to life.
    """
    client._client.disconnect()
