"""Making a backup of everything, while everything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import msgspec

from jobs.backup.archive import FORMAT, ArchiveWriter, Manifest, Written
from jobs.backup.encryption import Secret
from oxygen.errors import OxyWatchError, Rejected
from oxygen.local_time import from_us
from records import backup as records_backup
from records.backup import BackupRun, DumpShape
from records.database import Database
from telemetry import TelemetrySettings
from telemetry import backup as telemetry_backup

NAME_BEGINNING, NAME_END = "oxywatch-", ".backup"

Clock = Callable[[], int]
Progress = Callable[[str, int, int], None]
"""Told (what is being done, done, in all); in all is 0 when nobody knows."""


class Made(NamedTuple):
    """A finished backup."""

    path: Path
    manifest: Manifest
    written: Written


def place_in(place: Path, now_us: int) -> Path:
    """Return the file to write: `place` itself, or a name with the time (UTC) when it is a folder."""
    if not place.is_dir():
        return place
    return place / f"{NAME_BEGINNING}{from_us(now_us):%Y%m%dT%H%M%SZ}{NAME_END}"


def program_version() -> str:
    """Return the version of this program; empty when it runs from a tree that was never installed."""
    try:
        return metadata.version("oxywatch")
    except metadata.PackageNotFoundError:
        return ""


async def make_backup(
    database: Database,
    telemetry: TelemetrySettings | None,
    place: Path,
    secret: Secret | None,
    *,
    clock: Clock,
    actor: str,
    progress: Progress | None = None,
) -> Made:
    """Write a backup of the records and the time series, and note it in the records.

    The records come first, in one snapshot; the time series after them holds at least every point that the
    records speak of. Nothing waits for it.

    Args:
        database: The records, at their newest schema.
        telemetry: The time series; None to leave it out.
        place: A folder, or the file itself, which must not exist.
        secret: What to encrypt it with; None for not at all.
        clock: The server's time, µs since 1970 UTC.
        actor: Who asked for it, for the audit.
        progress: Called now and then.

    Raises:
        Rejected: `backup_exists`.
        Permanent, Retryable: The place cannot be written, or a store does not answer. The failure is noted
            in the records, if they answer.
    """
    started_us = clock()
    path = place_in(place, started_us)
    say = progress or (lambda what, done, total: None)
    try:
        made = await _write(database, telemetry, path, secret, clock, started_us, say)
    except OxyWatchError as error:
        if not isinstance(error, Rejected):
            run = BackupRun("backup", "failed", actor, started_us, clock(), str(path), secret is not None)
            await _note(database, run, error)
        raise
    run = BackupRun(
        kind="backup",
        outcome="ok",
        actor=actor,
        started_us=started_us,
        finished_us=made.manifest.finished_us,
        place=str(path),
        encrypted=secret is not None,
        bytes=made.written.bytes,
        sha256=made.written.sha256,
        detail={"rows": made.manifest.records.rows, "telemetry": made.manifest.telemetry},
    )
    async with database.write() as tx:
        await records_backup.note_run(tx, run)
    return made


async def _write(
    database: Database,
    telemetry: TelemetrySettings | None,
    path: Path,
    secret: Secret | None,
    clock: Clock,
    started_us: int,
    say: Progress,
) -> Made:
    archive = await asyncio.to_thread(ArchiveWriter, path, secret)
    try:
        shape = await _records(database, archive, say)
        if telemetry is not None:
            await _telemetry(telemetry, archive, say)
        manifest = Manifest(
            format=FORMAT,
            version=program_version(),
            started_us=started_us,
            finished_us=clock(),
            records=shape,
            telemetry=None if telemetry is None else telemetry.kind,
            members=archive.members,
        )
        return Made(path, manifest, await asyncio.to_thread(archive.finish, manifest))
    finally:
        archive.abandon()


async def _records(database: Database, archive: ArchiveWriter, say: Progress) -> DumpShape:
    async with database.read() as tx:
        dump = await records_backup.open_dump(tx)
        done = number = 0
        async for piece in dump.pieces():
            await asyncio.to_thread(archive.add, f"records/{piece.table}/{number:06}.jsonl", piece.data)
            number += 1
            done += piece.rows
            say("records", done, dump.shape.rows)
        return dump.shape


async def _telemetry(settings: TelemetrySettings, archive: ArchiveWriter, say: Progress) -> None:
    points = number = 0
    copying = telemetry_backup.export(settings, lambda done, total: say("time series", done, total))
    async for piece in copying:
        name = f"telemetry/{settings.kind}/{number:06}"
        await asyncio.to_thread(archive.add, name, piece.data)
        number += 1
        points += piece.points
        say("time series", points or number, 0)


async def _note(database: Database, run: BackupRun, error: OxyWatchError) -> None:
    """Note a failure; the records may be what failed."""
    failed = msgspec.structs.replace(run, problem=error.code, detail={"problem": str(error)})
    try:
        async with database.write() as tx:
            await records_backup.note_run(tx, failed)
    except OxyWatchError:
        return
