"""Backups by the clock. The records tell when the last one was: a restart neither repeats nor skips one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from jobs.backup.encryption import Secret, read_secret
from jobs.backup.making import NAME_BEGINNING, NAME_END, make_backup
from jobs.backup.restoring import prove_backup
from jobs.settings import BackupSettings
from oxygen.errors import OxyWatchError
from oxygen.units import US_PER_S
from records import audit
from records import backup as records_backup
from records.database import Database
from telemetry import TelemetrySettings

Clock = Callable[[], int]
Sleep = Callable[[float], Awaitable[None]]

LOOK_EVERY_S = 30.0

_log = structlog.get_logger(__name__)


async def run(
    settings: BackupSettings,
    database: Database,
    telemetry: TelemetrySettings | None,
    *,
    clock: Clock,
    sleep: Sleep,
) -> None:
    """Make a backup whenever one is due, until cancelled."""
    while True:
        pause_s = min(LOOK_EVERY_S, settings.every_s)
        try:
            await back_up_if_due(settings, database, telemetry, clock=clock)
        except OxyWatchError as error:
            _log.warning("backup failed", problem=str(error))
            pause_s = settings.retry_s
        await sleep(pause_s)


async def back_up_if_due(
    settings: BackupSettings, database: Database, telemetry: TelemetrySettings | None, *, clock: Clock
) -> Path | None:
    """Make a backup when the last one is old enough, and delete those that are too many.

    Returns its file, or None when none was due. Raises as make_backup.
    """
    async with database.read() as tx:
        age_us = await records_backup.age_us(tx, "backup", clock())
    if age_us is not None and 0 <= age_us < round(settings.every_s * US_PER_S):
        return None
    secret = read_secret(settings.passphrase_file, settings.key_file)
    await asyncio.to_thread(settings.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    made = await make_backup(database, telemetry, settings.folder, secret, clock=clock, actor=audit.SYSTEM)
    _log.info("backup made", file=str(made.path), bytes=made.written.bytes)
    await _prove_if_due(settings, database, made.path, secret, clock)
    for old in surplus(settings.folder, settings.keep):
        await asyncio.to_thread(old.unlink, missing_ok=True)
    return made.path


async def _prove_if_due(
    settings: BackupSettings, database: Database, path: Path, secret: Secret | None, clock: Clock
) -> None:
    """Restore the backup on trial, when that was not done for long enough. Raises as prove_backup."""
    if settings.prove_every_s is None:
        return
    async with database.read() as tx:
        age_us = await records_backup.age_us(tx, "proof", clock())
    if age_us is None or not 0 <= age_us < round(settings.prove_every_s * US_PER_S):
        await prove_backup(path, secret, database, clock=clock, actor=audit.SYSTEM)
        _log.info("backup proven", file=str(path))


def surplus(folder: Path, keep: int) -> list[Path]:
    """Return our files in the folder but for the newest `keep`; the time is in the name."""
    ours = sorted(folder.glob(f"{NAME_BEGINNING}*{NAME_END}"))
    return ours[: max(0, len(ours) - keep)]
