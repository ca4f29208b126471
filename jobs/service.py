"""What runs by the clock: sealing the audit, deleting what is kept long enough, backups, and a heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from broker_link import BrokerSettings, Session
from jobs import dynamic_security, sealing
from jobs.backup import scheduled
from jobs.broker_control import RESPONSE
from jobs.schedule import Job, due
from jobs.settings import JobsSettings
from oxygen.errors import OxyWatchError, Retryable
from oxygen.units import US_PER_DAY, US_PER_S
from oxygen.wire.packing import pack
from oxygen.wire.payloads import VERSION, Heartbeat
from oxygen.wire.topics import heartbeat_topic
from records import identity, status
from records.database import Database, Transaction
from telemetry import TelemetrySettings

SERVICE = "jobs"
AUDIT_HEAD_LOOK_US = 600 * US_PER_S
"""The mail goes out once a local day; looking more often only makes it early in the day."""
Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]
Work = Callable[[Transaction, int], Awaitable[int]]
"""Does a job at an instant (µs) in a transaction; returns how many rows it touched."""

_log = structlog.get_logger(__name__)


async def run(
    settings: JobsSettings,
    database: Database,
    broker: BrokerSettings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    sleep: Sleep = asyncio.sleep,
    telemetry: TelemetrySettings | None = None,
) -> None:
    """Do every job in its time until `stop` is set.

    Args:
        settings: Periods and what is kept.
        database: The records, migrated.
        broker: Carries the heartbeat, on which nothing depends, and commands to the broker itself.
        clock: The server's time, µs since 1970 UTC.
        stop: Set to end.
        sleep: Passing of time.
        telemetry: The time series, for backups; without it they hold the records alone.
    """
    desk = JobDesk(jobs_of(settings), database, clock)
    door = settings.dynamic_security
    session = Session(
        broker,
        client_id=f"jobs-{settings.instance}",
        subscriptions=[] if door is None else [RESPONSE],
        sleep=sleep,
    )
    async with session, asyncio.TaskGroup() as group:
        loops = [
            group.create_task(desk.run(settings.look_every_s, sleep)),
            group.create_task(_beat(session, settings, desk, clock, sleep)),
            # On their own: sealing must not wait for the other jobs, nor these for a backup.
            group.create_task(sealing.run(database, settings.seal_every_s, clock=clock, sleep=sleep)),
        ]
        if settings.backup is not None:
            backups = scheduled.run(settings.backup, database, telemetry, clock=clock, sleep=sleep)
            loops.append(group.create_task(backups))
        if door is not None:
            keeping = dynamic_security.keep(session, database, door, clock=clock, sleep=sleep)
            loops.append(group.create_task(keeping))
        await stop.wait()
        for loop in loops:
            loop.cancel()


def jobs_of(settings: JobsSettings) -> dict[Job, Work]:
    """Return the jobs and what each does."""
    every_us = round(settings.prune_every_s * US_PER_S)

    async def prune_statuses(tx: Transaction, now_us: int) -> int:
        return await status.prune_statuses(tx, now_us - round(settings.status_days * US_PER_DAY))

    async def prune_checkpoints(tx: Transaction, now_us: int) -> int:
        return await status.prune_checkpoints(tx, now_us - round(settings.checkpoint_days * US_PER_DAY))

    async def erase_former_accounts(tx: Transaction, now_us: int) -> int:
        return await identity.erase_former(tx, now_us, keep_days=settings.former_account_days)

    async def mail_audit_head(tx: Transaction, now_us: int) -> int:
        return await sealing.mail_head(tx, now_us, settings.audit_head_addresses, settings.audit_head_locale)

    jobs: dict[Job, Work] = {
        Job("prune_statuses", every_us): prune_statuses,
        Job("prune_checkpoints", every_us): prune_checkpoints,
        Job("prune_sessions", every_us): identity.prune_sessions,
        Job("prune_codes", every_us): identity.prune_codes,
        Job("erase_former_accounts", every_us): erase_former_accounts,
    }
    if settings.audit_head_addresses:
        jobs[Job("mail_audit_head", AUDIT_HEAD_LOOK_US)] = mail_audit_head
    return jobs


class JobDesk:
    """Does what is due; a job that fails is done again at the next look, and holds up no other.

    Attributes:
        done: How often each job was done.
    """

    def __init__(self, jobs: Mapping[Job, Work], database: Database, clock: Clock) -> None:
        """Prepare; nothing has run yet, so that everything is due."""
        self.done: dict[str, int] = {job.name: 0 for job in jobs}
        self._jobs = jobs
        self._database = database
        self._clock = clock
        self._last_run_us: dict[str, int] = {}

    async def run(self, look_every_s: float, sleep: Sleep) -> None:
        """Look for due jobs until cancelled."""
        while True:
            await self.look()
            await sleep(look_every_s)

    async def look(self) -> None:
        """Do every job that is due now."""
        for job, work in self._jobs.items():
            now_us = self._clock()
            if not due(job, self._last_run_us.get(job.name), now_us):
                continue
            try:
                async with self._database.write() as tx:
                    rows = await work(tx, now_us)
            except OxyWatchError as error:
                _log.warning("job failed", job=job.name, problem=str(error))
                continue
            self._last_run_us[job.name] = now_us
            self.done[job.name] += 1
            if rows:
                _log.info("job done", job=job.name, rows=rows)


async def _beat(session: Session, settings: JobsSettings, desk: JobDesk, clock: Clock, sleep: Sleep) -> None:
    """Publish the heartbeat until cancelled."""
    topic = heartbeat_topic(SERVICE, settings.instance)
    while True:
        note = ", ".join(f"{name} {count}" for name, count in desk.done.items())
        try:
            await session.publish(topic, pack(Heartbeat(VERSION, SERVICE, settings.instance, clock(), note)))
        except Retryable as error:
            _log.debug("heartbeat not published", problem=str(error))
        await sleep(settings.heartbeat_every_s)
