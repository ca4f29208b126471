"""`oxywatch ingest`."""

from __future__ import annotations

import asyncio

from ingest.leasing import ShardHost
from oxywatch.process import now_us
from oxywatch.programs.opening import records, time_series
from oxywatch.settings import CentreSettings


async def main(settings: CentreSettings, stop: asyncio.Event) -> None:
    """Serve the shards that this process holds until stopped."""
    async with records(settings, stop) as database, time_series(settings, readonly=False) as store:
        await ShardHost(settings.ingest, database, store, settings.broker, now_us=now_us).run(stop)
