"""Backups of the time series, each store in its own form; `restore` takes the form of the same kind only."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import NamedTuple

from oxygen.errors import Rejected
from telemetry.embedded_backup import Progress, check_free, pieces_of, put_in_place, snapshot
from telemetry.settings import EmbeddedSettings, InfluxSettings, TelemetrySettings


class Piece(NamedTuple):
    """A part of a backup: a part of the SQLite file (points 0), or lines of so many points."""

    points: int
    data: bytes


async def export(settings: TelemetrySettings, progress: Progress | None = None) -> AsyncGenerator[Piece]:
    """Yield the store's contents while it is written; nothing when there is no store yet.

    Every point is in it that was stored before this was called.

    Raises Retryable, Permanent.
    """
    if isinstance(settings, InfluxSettings):
        from telemetry import influx_backup  # noqa: PLC0415 - as in open_store

        async for lines in influx_backup.export(settings):
            yield Piece(lines.points, lines.data)
        return
    # Beside the store, which is as open to others as the copy is.
    with tempfile.TemporaryDirectory(dir=settings.path.absolute().parent, prefix=".backup-") as folder:
        copy = Path(folder) / "copy.sqlite"
        made = await asyncio.to_thread(snapshot, settings.path, copy, progress or (lambda done, total: None))
        if made:
            for data in pieces_of(copy):
                yield Piece(0, data)


async def check_target(settings: TelemetrySettings, kind: str) -> None:
    """See that a backup of a kind can go into the store of `settings`, which is empty.

    Raises Rejected `backup_other_store`, `restore_not_empty`; Retryable, Permanent.
    """
    if settings.kind != kind:
        message = f"the backup holds a time series of kind {kind}, the settings name {settings.kind}"
        raise Rejected(message, code="backup_other_store", found=kind, expected=settings.kind)
    if isinstance(settings, EmbeddedSettings):
        check_free(settings.path)
    else:
        from telemetry import influx_backup  # noqa: PLC0415

        await influx_backup.prepare(settings, replace=False)


async def restore(settings: TelemetrySettings, pieces: AsyncIterator[bytes], *, replace: bool) -> int:
    """Put the pieces of an export of the same kind into the store; return how many there were.

    Everything that writes to the store has to be stopped. With `replace`, what stands there goes.

    Raises Rejected `restore_not_empty`, `restore_inconsistent`; Retryable, Permanent.
    """
    if isinstance(settings, InfluxSettings):
        from telemetry import influx_backup  # noqa: PLC0415

        await influx_backup.prepare(settings, replace=replace)
        return await influx_backup.load(settings, pieces)
    if not replace:
        check_free(settings.path)
    settings.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.path.absolute().parent, prefix=".restore-") as folder:
        copy, count = Path(folder) / "copy.sqlite", 0
        with copy.open("wb") as file:
            async for data in pieces:
                file.write(data)
                count += 1
        if count:
            await asyncio.to_thread(put_in_place, settings.path, copy)
    return count
