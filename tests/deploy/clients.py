"""MQTT clients with certificates, that tell what the broker answered."""

from __future__ import annotations

import ssl
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ANSWER_S = 10.0
SILENCE_S = 0.5


def tls(authority: Path, certificate: Path | None) -> ssl.SSLContext:
    """Return a context that trusts `authority` and shows `certificate`, its key beside it."""
    context = ssl.create_default_context(cafile=str(authority))
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


class Client:
    """One connection; every call waits for the broker's answer and returns it in words.

    Attributes:
        answer: Of the broker to CONNECT; empty when it hung up without one.
        messages: (topic, payload) as they arrived.
        ended: Gets an entry when the connection ends.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        client_id: str,
        *,
        will_topic: str = "",
        will_delay_s: int = 0,
        keep_session: bool = False,
    ) -> None:
        self.answer = ""
        self.messages: Queue[tuple[str, bytes]] = Queue()
        self.ended: Queue[str] = Queue()
        self._answers: Queue[str] = Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(context)
        if will_topic:
            properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            properties.WillDelayInterval = will_delay_s
            self._client.will_set(will_topic, b"gone", qos=1, properties=properties)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._answers.put(str(code))
        self._client.on_subscribe = lambda _c, _u, _m, codes, _p: self._answers.put(str(codes[0]))
        self._client.on_publish = lambda _c, _u, _m, code, _p: self._answers.put(str(code))
        self._client.on_message = lambda _c, _u, message: self._keep(message)
        self._client.on_disconnect = self._on_end
        self._port = port
        self._keep_session = keep_session

    def _keep(self, message: mqtt.MQTTMessage) -> None:
        self.messages.put((message.topic, bytes(message.payload)))

    def _on_end(self, *details: Any) -> None:
        self.ended.put(str(details[3]))
        self._answers.put("")

    def __enter__(self) -> Self:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 600
        self._client.connect(
            "localhost", self._port, clean_start=not self._keep_session, properties=properties
        )
        self._client.loop_start()
        self.answer = self._answers.get(timeout=ANSWER_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic_filter: str) -> str:
        """Subscribe; return the answer."""
        self._client.subscribe(topic_filter, qos=1)
        return self._answers.get(timeout=ANSWER_S)

    def publish(self, topic: str, payload: bytes = b"forged") -> str:
        """Publish with QoS 1; return the answer."""
        self._client.publish(topic, payload, qos=1)
        return self._answers.get(timeout=ANSWER_S)

    def vanish(self) -> None:
        """End the connection as a power cut would: without a word."""
        connection = self._client.socket()
        assert connection is not None
        connection.close()

    def received(self) -> tuple[str, bytes]:
        """Return the next message; fails when none comes."""
        return self.messages.get(timeout=ANSWER_S)

    def hears_nothing(self) -> bool:
        """Tell whether no message comes for a while."""
        try:
            self.messages.get(timeout=SILENCE_S)
        except Empty:
            return True
        return False
