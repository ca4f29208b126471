"""Keeps the mails of the loopback sink in the records, so that a page can show the alarm that was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.mail_sink import TakenMail, mail_sink
from records import messages
from records.database import Database
from records.messages import ReceivedMail


async def run(
    database: Database,
    *,
    clock: Callable[[], int],
    stop: asyncio.Event,
    port: int = 0,
    on_listening: Callable[[int], None] | None = None,
) -> None:
    """Take mails in on loopback until `stop` is set.

    Args:
        database: The records, migrated.
        clock: The server's time, µs since 1970 UTC.
        stop: Set to end.
        port: 0 for the kernel's choice.
        on_listening: Called once with the port.

    Raises:
        Permanent: The port is taken.
    """

    async def take(mail: TakenMail) -> None:
        kept = ReceivedMail(
            received_us=clock(),
            sender=mail.sender,
            recipients=list(mail.recipients),
            subject=mail.subject,
            body_text=mail.body_text,
            body_html=mail.body_html,
        )
        async with database.write() as tx:
            await messages.add_received_mail(tx, kept)

    async with mail_sink(take, port=port) as listening:
        if on_listening is not None:
            on_listening(listening)
        await stop.wait()
