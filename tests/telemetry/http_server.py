"""An ASGI application on a loopback port, served by uvicorn in a thread of the test's process."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import uvicorn

from tests.servers import reserve_port

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

START_LIMIT_S = 30.0


class HttpServer:
    """Serves an application on a port that stays reserved over stop and start."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._reserved = reserve_port()
        self.url = f"http://127.0.0.1:{self._reserved.number}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve; return when connections are accepted."""
        config = uvicorn.Config(
            self.application,
            host="127.0.0.1",
            port=self._reserved.number,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        limit = time.monotonic() + START_LIMIT_S
        while not self._server.started:
            if time.monotonic() > limit or not self._thread.is_alive():
                raise RuntimeError("the test's HTTP server did not start")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Close all connections and the port; safe to repeat."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._reserved.release()


async def body_of(receive: Receive) -> bytes:
    """Return the whole body of a request."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def answer(send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Send a whole answer, JSON unless `headers` say otherwise."""
    named = {"content-type": "application/json"} | dict(headers or {})
    pairs = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def query_of(scope: Scope) -> dict[str, str]:
    """Return the parameters in the address, the first value of each."""
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


def header_of(scope: Scope, name: str) -> str:
    """Return a request's header, empty when it has none."""
    return next((value.decode() for key, value in scope["headers"] if key == name.encode()), "")
