"""Loopback ports that stay ours while the server behind them is down."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType


@dataclass
class ReservedPort:
    """A port bound, but not listened on, until released.

    The placeholder keeps the kernel from handing the port to anyone else, also to an outgoing connection: a
    client that keeps dialling a stopped server on an ephemeral port would otherwise connect to itself in the
    end, and the server could not come back. A server that sets SO_REUSEADDR (Mosquitto, influxd, PostgreSQL,
    asyncio, uvicorn) binds the same port beside it.
    """

    number: int
    _placeholder: socket.socket

    def release(self) -> None:
        """Give the port back; safe to repeat."""
        self._placeholder.close()

    def __enter__(self) -> ReservedPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def reserve_port(host: str = "127.0.0.1") -> ReservedPort:
    """Return a TCP port of the kernel's choice on `host`, reserved."""
    placeholder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    placeholder.bind((host, 0))
    return ReservedPort(int(placeholder.getsockname()[1]), placeholder)
