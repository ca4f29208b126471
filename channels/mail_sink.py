"""A mail server that delivers nowhere: what it takes in is handed to whoever opened it.

For trying the system out on one machine, and for that alone: it speaks plain SMTP on loopback, to anybody.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from oxygen.errors import Permanent, Retryable

MAX_BYTES = 1_000_000


class TakenMail(msgspec.Struct, frozen=True):
    """A mail as it came in; a part that it does not have is empty."""

    sender: str
    recipients: tuple[str, ...]
    subject: str
    body_text: str
    body_html: str


Take = Callable[[TakenMail], Awaitable[None]]
"""Keeps a mail; raises Retryable when it cannot now, and the sender is told to come again."""


@asynccontextmanager
async def mail_sink(take: Take, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Take mails in while the block runs; yields the port, of the kernel's choice for 0.

    Raises Permanent when `host` is not a loopback address, or the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise Permanent(
            f"the mail sink listens on loopback only, not on {host}", code="cannot_listen", place=host
        )
    handler = _Handler(take)

    def protocol() -> SMTP:
        return SMTP(handler, hostname="localhost", data_size_limit=MAX_BYTES, enable_SMTPUTF8=True)

    try:
        server = await asyncio.get_running_loop().create_server(protocol, host, port)
    except OSError as error:
        message = f"the mail sink cannot listen on {host}:{port}: {error}"
        raise Permanent(message, code="cannot_listen", place=f"{host}:{port}") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class _Handler:
    def __init__(self, take: Take) -> None:
        self._take = take

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del server, session
        try:
            mail = taken(envelope)
        except (MessageError, LookupError, UnicodeError, ValueError) as error:
            return f"554 this mail cannot be read: {type(error).__name__}"
        try:
            await self._take(mail)
        except Retryable:
            return "451 the mail cannot be kept now, try again"
        return "250 kept"


def taken(envelope: Envelope) -> TakenMail:
    """Return a mail's parts; raises MessageError, LookupError or ValueError for one that cannot be read."""
    content = envelope.content or b""
    mail = message_from_bytes(
        content.encode() if isinstance(content, str) else content, EmailMessage, policy=policy.default
    )
    return TakenMail(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        subject=str(mail.get("Subject", "")),
        body_text=_part(mail, "plain"),
        body_html=_part(mail, "html"),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return "" if part is None else str(part.get_content())
