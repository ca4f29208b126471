"""`oxywatch alerts`."""

from __future__ import annotations

import asyncio

from alerts.leasing import run
from oxywatch.process import now_us
from oxywatch.programs.opening import records
from oxywatch.settings import CentreSettings


async def main(settings: CentreSettings, stop: asyncio.Event) -> None:
    """Evaluate and deliver, or stand by, until stopped."""
    async with records(settings, stop) as database:
        await run(settings.alerts, database, settings.broker, clock=now_us, stop=stop)
