"""Addresses that programs listen on: which port is free, and whether a page answers already."""

from __future__ import annotations

import asyncio
import socket

import httpx

from oxygen.errors import Permanent

LOOK_EVERY_S = 0.2
PAGE_WITHIN_S = 60.0
FIRST_PAGE_PORT = 8080


async def page_answers(address: str) -> None:
    """Wait until the pages answer; raises Permanent when they do not."""
    async with httpx.AsyncClient() as client:
        for _ in range(round(PAGE_WITHIN_S / LOOK_EVERY_S)):
            try:
                if (await client.get(f"{address}/health")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(LOOK_EVERY_S)
    raise Permanent(f"the page at {address} does not answer", code="no_page", address=address)


def host_and_port(text: str) -> tuple[str, int]:
    """Read HOST:PORT of a broker; raises Permanent for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Permanent(
            f"--broker {text}: expected HOST:PORT",
            code="bad_option",
            option="--broker",
            value=text,
            expected="HOST:PORT, 127.0.0.1:1883",
        )
    return host, int(port)


def page_port(host: str) -> int:
    """Return 8080 or the next free port above it."""
    for port in range(FIRST_PAGE_PORT, FIRST_PAGE_PORT + 10):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    return free_port(host)


def free_port(host: str) -> int:
    """Return a port that nobody listens on now; the kernel does not soon give it to anybody else."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
