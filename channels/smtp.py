"""Mail over SMTP."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from email.errors import MessageError
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import aiosmtplib
from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.message import Mail, Receipt, shortened
from oxygen.errors import Permanent, Rejected, Retryable
from oxygen.local_time import VIETNAM, from_us

_ADDRESS_CODES = (510, 511, 550, 551, 553, 556)
_TOO_BIG = 552


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpSettings(BaseModel):
    """The mail server that takes our mails.

    Attributes:
        host, port: Where it listens.
        security: `starttls` (587), `tls` (465), or `none`, which is for loopback and closed networks.
        sender: The From address, as `OxyWatch <oxywatch@example.org>`.
        username, password_file: Credentials; the password is the file's first line.
        ca_file: Certificates to trust instead of the system's.
        timeout_s: For the whole dialogue.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    security: Security = Security.STARTTLS
    sender: str
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> SmtpSettings:
        address = parseaddr(self.sender)[1]
        if "@" not in address or not address.isascii():
            raise ValueError(f"sender {self.sender!r} is not a mail address, expected NAME@DOMAIN")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username is not None and self.security is Security.NONE:
            raise ValueError(
                "a password is not sent over an open connection: set security to starttls or tls"
            )
        return self


class SmtpChannel:
    """Sends mails, each over a connection of its own; safe for several tasks at once."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    async def send(self, mail: Mail, *, now_us: int) -> Receipt:
        """Hand a mail to the server.

        Args:
            mail: What to send, and to whom.
            now_us: For the mail's Date header.

        Raises:
            Retryable: No connection, no answer in time, or a temporary refusal (4xx).
            Permanent: Our credentials, certificate or sender are refused.
            Rejected: This recipient or message is refused for good.
        """
        message = composed(mail, self._settings.sender, now_us)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._deliver(message, mail.recipient)
        except ssl.SSLCertVerificationError as error:
            raise Permanent(
                f"certificate of {self._settings.host}: {error}", code="mail_certificate"
            ) from error
        except aiosmtplib.SMTPException as error:
            raise _meaning(error) from error
        except (TimeoutError, OSError) as error:
            raise Retryable(f"{self._settings.host}: {error!r}", code="mail_unreachable") from error

    async def _deliver(self, message: bytes, recipient: str) -> Receipt:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security is Security.TLS,
            start_tls=settings.security is Security.STARTTLS,
            tls_context=None if settings.security is Security.NONE else self._tls(),
            username=settings.username,
            password=self._password(),
            timeout=settings.timeout_s,
        )
        sender = parseaddr(settings.sender)[1]
        try:
            await client.connect()
            _, answer = await client.sendmail(sender, [recipient], message)
            return Receipt(shortened(answer))
        finally:
            # QUIT would add a round trip whose failure could only hide that the mail was accepted.
            client.close()

    def _tls(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))

    def _password(self) -> str | None:
        path = self._settings.password_file
        if path is None:
            return None
        try:
            return path.read_text(encoding="utf-8").split("\n", 1)[0]
        except OSError as error:
            raise Permanent(f"password file {path}: {error.strerror}", code="mail_password") from error


def composed(mail: Mail, sender: str, now_us: int) -> bytes:
    """Return the mail as it is sent; raises Rejected when a header cannot be written.

    Its Message-ID follows from the key: a mail that was sent twice can be recognised.
    """
    if any(sign in text for text in (mail.subject, mail.recipient) for sign in "\r\n\0"):
        raise Rejected(f"mail to {mail.recipient!r}: line break in a header", code="bad_address")
    name, address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = mail.recipient
    except (ValueError, IndexError, MessageError) as error:
        raise Rejected(f"mail to {mail.recipient!r}: {error}", code="bad_address") from error
    domain = address.rpartition("@")[2]
    message["Message-ID"] = f"<{hashlib.sha256(mail.key.encode()).hexdigest()[:40]}@{domain}>"
    message["Date"] = format_datetime(from_us(now_us).astimezone(VIETNAM))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    # EmailMessage drops the space between two encoded words when it folds, so these two are written here.
    lines = [f"From: {_encoded(name, 'From')} <{address}>" if name else f"From: {address}"]
    lines.append(f"Subject: {_encoded(mail.subject, 'Subject')}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii") + message.as_bytes()


def _encoded(text: str, header: str) -> str:
    """Return a header's text in ASCII, folded into encoded words of at most 75 characters (RFC 2047)."""
    return Header(text, "utf-8", header_name=header, maxlinelen=75).encode(linesep="\r\n")


def _meaning(error: aiosmtplib.SMTPException) -> Retryable | Permanent | Rejected:
    """Return what a refusal means for the caller."""
    text = shortened(str(error))
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        if 400 <= refused.code < 500:
            return Retryable(text, code="mail_refused_for_now", answer=text)
        return Rejected(text, code="mail_recipient_refused", answer=text)
    if isinstance(error, aiosmtplib.SMTPConnectError | aiosmtplib.SMTPServerDisconnected | TimeoutError):
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return Permanent(text, code="mail_certificate", answer=text)
        return Retryable(text, code="mail_unreachable", answer=text)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        if 400 <= error.code < 500:
            return Retryable(text, code="mail_refused_for_now", answer=text)
        if isinstance(error, aiosmtplib.SMTPDataError) or error.code == _TOO_BIG:
            return Rejected(text, code="mail_refused", answer=text)
        return Permanent(text, code="mail_setting_refused", answer=text)
    # What is left is a server that lacks a capability we were told to use: STARTTLS or AUTH.
    return Permanent(text, code="mail_setting_refused", answer=text)
