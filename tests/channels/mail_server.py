"""A real SMTP server (aiosmtpd) on a loopback port, which a test can tell how to answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Letterbox:
    """Keeps what it accepted.

    Attributes:
        mails: In the order of acceptance.
        recipients: Of each mail.
        answers: What to say to the next mails at the end of DATA; an empty answer accepts.
        recipient_answers: The same for RCPT TO.
        pause_s: How long to sit on each mail before answering.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.recipient_answers: list[str] = []
        self.pause_s = 0.0
        self.attempts = 0
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answers and (answer := self.recipient_answers.pop(0)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.attempts += 1
        await asyncio.sleep(self.pause_s)
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return f"250 kept as number {len(self.mails)}"


@asynccontextmanager
async def letterbox(
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
    password: str | None = None,
    box: Letterbox | None = None,
) -> AsyncIterator[Letterbox]:
    """Serve a letterbox while the block runs.

    Args:
        port: 0 for the kernel's choice.
        tls: Offer (and demand) STARTTLS with it, or speak TLS from the start when `implicit_tls`.
        implicit_tls: As on port 465.
        password: The one password that is good; without it nobody has to sign in.
        box: The one to go on with after a pause.
    """
    kept = box or Letterbox()

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == (password or "").encode()
        return AuthResult(success=good, handled=False)

    factory: Callable[[], SMTP] = lambda: SMTP(  # noqa: E731 - asyncio wants a factory
        kept,
        hostname="localhost",
        enable_SMTPUTF8=True,
        tls_context=None if implicit_tls else tls,
        require_starttls=tls is not None and not implicit_tls,
        authenticator=check if password else None,
        auth_required=password is not None,
        auth_require_tls=not implicit_tls,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", port, ssl=tls if implicit_tls else None)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
