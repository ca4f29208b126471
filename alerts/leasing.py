"""Of several processes one watches, the one that holds the lease; another takes over when it is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from alerts import service
from alerts.pacing import Clock, Sleep
from alerts.settings import AlertsSettings
from broker_link import BrokerSettings
from records.database import Database
from records.leases import EVERY_SHARD, Claim, Lease, Time, fenced, work_while_held

SERVICE = "alerts"


async def run(
    settings: AlertsSettings,
    database: Database,
    broker: BrokerSettings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    sleep: Sleep = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Watch and send while the lease is held, stand by otherwise, until `stop` is set.

    Evaluation goes by one cursor over the rows of all shards, hence one lease. A process that lost it writes
    nothing any more: every unit of work begins with a look at the lease. What it is just sending may reach
    somebody twice.

    Args and Raises: as `alerts.service.run`.
    """

    async def watch(lease: Lease, ended: asyncio.Event) -> None:
        await service.run(settings, fenced(database, lease), broker, clock=clock, stop=ended, sleep=sleep)

    claim = Claim(EVERY_SHARD, SERVICE, settings.instance)
    await work_while_held(database, claim, settings.lease, watch, stop=stop, time=Time(monotonic, sleep))
