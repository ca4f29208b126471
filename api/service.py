"""Runs the web server until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import uvicorn

from api.app import create_app
from api.context import Context
from api.live_hub import LiveHub
from oxygen.errors import Permanent


async def serve(
    context: Context, stop: asyncio.Event, *, on_listening: Callable[[str], None] | None = None
) -> None:
    """Serve pages and JSON until `stop` is set; open streams are ended first.

    Args:
        context: What the application works with; the caller closes it afterwards.
        stop: Set to end in good order.
        on_listening: Called once with the server's address when it accepts connections.

    Raises:
        Permanent: The address cannot be listened on.
    """
    settings = context.settings
    app = create_app(context)
    listener = _listen(settings.host, settings.port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_s)),
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
    stopping = asyncio.create_task(stop.wait(), name="web server's stop")
    announcing = asyncio.create_task(_announce(server, listener, on_listening), name="web server's address")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub: LiveHub = app.state.hub
        hub.end_streams()
        server.should_exit = True
        for task in (stopping, announcing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await running


class _Server(uvicorn.Server):
    """uvicorn without handling signals: the composition root does.

    Attributes:
        listening: Set when connections are accepted.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Leave signals alone."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only for sockets that name their protocol; with it on, a page's head and
    # body go out in two writes and the second waits 40 ms for the first one's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        message = f"cannot listen on {host}:{port}: {error}"
        raise Permanent(message, code="cannot_listen", place=f"{host}:{port}") from error
    listener.setblocking(False)
    return listener


async def _announce(
    server: _Server, listener: socket.socket, on_listening: Callable[[str], None] | None
) -> None:
    await server.listening.wait()
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    if on_listening is not None:
        on_listening(f"http://{shown}:{port}")
