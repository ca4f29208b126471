"""How to reach the broker."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from oxygen.errors import Permanent

Seconds = Annotated[float, Meta(gt=0)]


class BrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Address, credentials and patience of one connection.

    TLS is used as soon as any of the three certificate files is named. Files are read anew at every attempt,
    so that a renewed certificate or password needs no restart.

    Attributes:
        host, port: Where the broker listens.
        username: Empty for none.
        password_file: File whose first line is the password; empty for none.
        ca_file: Authorities that may vouch for the broker; empty for the system's own.
        cert_file, key_file: The client's own certificate and key, PEM.
        keepalive_s: A silent broker is given up after at most twice this long.
        connect_timeout_s: For CONNECT and SUBSCRIBE to be answered.
        publish_timeout_s: For a PUBLISH to be acknowledged by the broker.
        backoff_first_s, backoff_cap_s: Pause before a new attempt; doubles up to the cap, with jitter.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: Annotated[int, Meta(ge=1, le=3600)] = 10
    connect_timeout_s: Seconds = 10.0
    publish_timeout_s: Seconds = 10.0
    backoff_first_s: Seconds = 0.5
    backoff_cap_s: Seconds = 30.0


def password_of(settings: BrokerSettings) -> str | None:
    """Return the password, or None when none is set; raises Permanent when its file cannot be read."""
    if not settings.password_file:
        return None
    try:
        text = Path(settings.password_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"password file {settings.password_file}: {error}"
        raise Permanent(message, code="unreadable_file", file=settings.password_file) from error
    return text.partition("\n")[0].rstrip("\r")


def tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    """Return the TLS context, or None for plain TCP; raises Permanent when a file is unusable."""
    if not (settings.ca_file or settings.cert_file or settings.key_file):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(filter(None, (settings.ca_file, settings.cert_file, settings.key_file)))
        raise Permanent(f"certificate files {named}: {error}", code="unreadable_file", file=named) from error
    return context
