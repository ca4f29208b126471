"""The loopback mail sink: what is sent to it is handed over whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import aiosmtplib
import pytest

from channels.mail_sink import TakenMail, mail_sink
from channels.message import Mail
from channels.smtp import Security, SmtpChannel, SmtpSettings
from oxygen.errors import Permanent, Retryable

MAIL = Mail(
    key="k",
    recipient="lan@example.org",
    subject="Gấp: bồn 1",
    text="Còn 18,5 %\n",
    html="<p>Còn <b>18,5 %</b></p>",
)


class Shelf:
    """Keeps what the sink hands over."""

    def __init__(self) -> None:
        self.mails: list[TakenMail] = []
        self.full = False

    async def keep(self, mail: TakenMail) -> None:
        if self.full:
            raise Retryable("full", code="records_down")
        self.mails.append(mail)


def channel(port: int) -> SmtpChannel:
    return SmtpChannel(
        SmtpSettings(
            host="127.0.0.1", port=port, security=Security.NONE, sender="OxyWatch <watch@example.org>"
        )
    )


async def test_a_mail_is_handed_over_with_both_its_bodies() -> None:
    shelf = Shelf()
    async with mail_sink(shelf.keep) as port:
        await channel(port).send(MAIL, now_us=1_790_000_000_000_000)

    (mail,) = shelf.mails
    assert (mail.sender, mail.recipients) == ("watch@example.org", ("lan@example.org",))
    assert (mail.subject, mail.body_text.strip()) == ("Gấp: bồn 1", "Còn 18,5 %")
    assert mail.body_html.strip() == "<p>Còn <b>18,5 %</b></p>"


async def test_a_mail_that_cannot_be_kept_now_comes_again() -> None:
    shelf = Shelf()
    shelf.full = True
    async with mail_sink(shelf.keep) as port:
        with pytest.raises(Retryable):
            await channel(port).send(MAIL, now_us=0)
        shelf.full = False
        await channel(port).send(MAIL, now_us=0)

    assert len(shelf.mails) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"no headers at all",
        b"Subject: =?utf-8?b?broken\r\n\r\nx",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/alternative\r\n\r\nx",
        b"",
    ],
)
async def test_an_odd_mail_neither_stops_the_sink_nor_the_next_mail(content: bytes) -> None:
    shelf = Shelf()
    async with mail_sink(shelf.keep) as port:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
            # Kept as far as it can be read, or refused: either is an answer.
            with contextlib.suppress(aiosmtplib.SMTPDataError):
                await client.sendmail("a@example.org", ["b@example.org"], content)
        await channel(port).send(MAIL, now_us=0)

    assert shelf.mails[-1].subject == "Gấp: bồn 1"


async def test_the_sink_listens_on_loopback_only() -> None:
    with pytest.raises(Permanent):
        async with mail_sink(Shelf().keep, host="0.0.0.0"):
            pass


async def test_a_taken_port_is_named(free_port: Callable[[], int]) -> None:
    async with mail_sink(Shelf().keep) as port:
        with pytest.raises(Permanent, match=str(port)):
            async with mail_sink(Shelf().keep, port=port):
                pass
