"""`oxywatch api`."""

from __future__ import annotations

import asyncio

from api.context import Context
from api.enrolment import open_enrolment
from api.service import serve
from edge_agent.config import check_desired
from oxywatch.process import now_us
from oxywatch.programs.opening import records, time_series
from oxywatch.settings import CentreSettings


async def main(settings: CentreSettings, stop: asyncio.Event) -> None:
    """Serve the pages and the JSON interface until stopped."""
    async with records(settings, stop) as database, time_series(settings, readonly=True) as store:
        enrolment = settings.api.enrolment
        context = Context(
            database=database,
            telemetry=store,
            clock=now_us,
            settings=settings.api,
            broker=settings.broker,
            check_config=check_desired,
            enrolment=open_enrolment(enrolment, database, clock=now_us) if enrolment else None,
        )
        await serve(context, stop)
