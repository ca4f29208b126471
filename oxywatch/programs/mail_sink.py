"""`oxywatch mail-sink`: the mail server of `oxywatch run`; a newcomer sees the alarm that was sent."""

from __future__ import annotations

import asyncio

from jobs import mail_sink
from oxywatch.process import now_us
from oxywatch.programs.opening import records
from oxywatch.settings import CentreSettings


async def main(settings: CentreSettings, port: int, stop: asyncio.Event) -> None:
    """Take mail in on loopback until stopped."""
    async with records(settings, stop) as database:
        await mail_sink.run(database, clock=now_us, stop=stop, port=port)
