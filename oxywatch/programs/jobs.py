"""`oxywatch jobs`."""

from __future__ import annotations

import asyncio

from jobs import service
from oxywatch.process import now_us
from oxywatch.programs.opening import records
from oxywatch.settings import CentreSettings


async def main(settings: CentreSettings, stop: asyncio.Event) -> None:
    """Do what is due by the clock until stopped."""
    async with records(settings, stop) as database:
        await service.run(
            settings.jobs,
            database,
            settings.broker,
            clock=now_us,
            stop=stop,
            telemetry=settings.telemetry,
        )
