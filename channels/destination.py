"""Where a webhook may go: its address is looked up once, checked, and then kept.

Without this, somebody who may type a contact could make the centre talk to its own neighbours: the database,
the broker, a cloud's metadata service. Checking the name alone is not enough, since a name may answer
differently the second time; so the checked address itself is dialled.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import httpx
import msgspec

from oxygen.errors import Permanent, Retryable

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of (host, port); raises OSError."""

# IPv4 addresses in the clothes of IPv6 pass `is_global` by their wrapping; the inside is looked at instead.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Destination(msgspec.Struct, frozen=True):
    """A checked target.

    Attributes:
        urls: The URL with each of the host's IP addresses in the place of its name.
        host_header: What the server is to be called in HTTP.
        server_name: What its certificate must say.
    """

    urls: tuple[httpx.URL, ...]
    host_header: str
    server_name: str


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return a host's addresses as the system resolves them."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


async def destination(address: str, *, allow_private: bool, resolve: Resolve) -> Destination:
    """Return where to connect for a webhook's URL.

    Args:
        address: The URL as typed.
        allow_private: Whether http and loopback or private addresses are welcome.
        resolve: Looks names up.

    Raises:
        Permanent: The URL is not usable, or one of the host's addresses is not a public one.
        Retryable: The name cannot be resolved now.
    """
    url = _parsed(address, allow_private)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await resolve(url.host, port)
    except OSError as error:
        raise Retryable(f"{url.host} cannot be resolved: {error}", code="webhook_unreachable") from error
    if not found:
        raise Retryable(f"{url.host} has no address", code="webhook_unreachable")
    for candidate in found:
        if not allow_private and not is_public(candidate):
            raise _refused(address, f"{url.host} is {candidate}, which is not a public address")
    return Destination(
        urls=tuple(url.copy_with(host=candidate, port=port) for candidate in dict.fromkeys(found)),
        host_header=url.netloc.decode("ascii"),
        server_name=url.raw_host.decode("ascii"),
    )


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open Internet."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


def _parsed(address: str, allow_private: bool) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise _refused(address, str(error)) from error
    schemes = ("https", "http") if allow_private else ("https",)
    if url.scheme not in schemes or not url.host:
        raise _refused(address, f"expected {' or '.join(schemes)}://HOST/…")
    if url.userinfo:
        raise _refused(address, "expected no user name or password in it")
    return url


def _refused(address: str, why: str) -> Permanent:
    return Permanent(f"webhook {address!r}: {why}", code="webhook_address_refused", detail=why)
