"""A hospital's line to the centre: a TCP proxy that can be cut, or left half open."""

from __future__ import annotations

import asyncio
import socket
from enum import StrEnum

_CHUNK = 65536


class LineState(StrEnum):
    """How the line does."""

    UP = "up"
    CUT = "cut"
    HALF_OPEN = "half_open"


class Line:
    """Forwards TCP connections as long as it is up.

    Cut: every connection is reset and new ones are refused. Half open: connections stay and new ones are
    accepted, yet nothing that is sent arrives and nobody is told; when the line comes back, a connection that
    lost bytes in that time is reset, for its two ends no longer agree. The port stays the line's own
    throughout.

    `start` once, `stop` once, `set_state` in between, all in one loop.
    """

    def __init__(self, host: str, port: int, target_host: str, target_port: int) -> None:
        """Keep where to listen (port 0 takes the kernel's choice) and where the line leads."""
        self._host = host
        self._port = port
        self._target = (target_host, target_port)
        self._state = LineState.UP
        self._holder: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    @property
    def port(self) -> int:
        """Port it listens on; 0 before `start` when the kernel chooses."""
        return self._port

    @property
    def state(self) -> LineState:
        """How the line does."""
        return self._state

    async def start(self) -> None:
        """Listen. Raises OSError when the port cannot be had."""
        self._holder = _bound(self._host, self._port)
        self._port = self._holder.getsockname()[1]
        await self._listen()

    async def stop(self) -> None:
        """Refuse and close everything; safe without `start`."""
        self._state = LineState.CUT
        self._close()
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        await asyncio.gather(*(link.ended() for link in tuple(self._links)))

    async def set_state(self, state: LineState) -> None:
        """Change the line; the same state again changes nothing."""
        if state is self._state:
            return
        self._state = state
        if state is LineState.CUT:
            self._close()
            return
        if state is LineState.UP:
            for link in tuple(self._links):
                if link.lost_bytes:
                    link.reset()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        listening = _bound(self._host, self._port)
        self._server = await asyncio.start_server(self._accepted, sock=listening)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in tuple(self._links):
            link.reset()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self._links.add(link)
        try:
            await link.run(reader, self._target)
        finally:
            self._links.discard(link)


class _Link:
    """One forwarded connection."""

    def __init__(self, line: Line, near: asyncio.StreamWriter) -> None:
        self._line = line
        self._writers = [near]
        self._done = asyncio.Event()
        self.lost_bytes = False

    async def run(self, near: asyncio.StreamReader, target: tuple[str, int]) -> None:
        """Forward both ways until both ends have closed or the line resets the connection."""
        try:
            if self._line.state is LineState.HALF_OPEN:
                self.lost_bytes = True
                await self._forward(near, None)
            else:
                far, far_writer = await asyncio.open_connection(*target)
                self._writers.append(far_writer)
                await asyncio.gather(self._forward(near, far_writer), self._forward(far, self._writers[0]))
            for writer in self._writers:
                writer.close()
        except OSError:
            # One end is gone or was never there; the other learns it by the reset.
            self.reset()
        finally:
            self._done.set()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None) -> None:
        while data := await source.read(_CHUNK):
            if sink is None or self._line.state is LineState.HALF_OPEN:
                self.lost_bytes = True
                continue
            sink.write(data)
            await sink.drain()
        if self._line.state is LineState.HALF_OPEN:
            self.lost_bytes = True
        elif sink is not None and sink.can_write_eof():
            sink.write_eof()

    def reset(self) -> None:
        """Drop both ends at once, without the courtesy of a FIN where the system allows it."""
        for writer in self._writers:
            linger = writer.get_extra_info("socket")
            if linger is not None and linger.fileno() >= 0:
                linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()

    async def ended(self) -> None:
        """Wait until nothing of the connection runs."""
        await self._done.wait()


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that owns the port without listening yet.

    A second one bound the same way keeps the port while the listening one is closed; connecting is refused.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
