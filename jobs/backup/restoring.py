"""Putting a backup back, and proving that it could be put back."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from jobs.backup.archive import Manifest, check, members, unreadable
from jobs.backup.encryption import Secret
from jobs.backup.making import Clock, Progress
from oxygen.errors import OxyWatchError
from records import audit
from records import backup as records_backup
from records.audit import Verdict
from records.backup import BackupRun
from records.database import Database
from telemetry import EmbeddedSettings, TelemetrySettings
from telemetry import backup as telemetry_backup

_RECORDS, _TELEMETRY = "records/", "telemetry/"


class Restored(msgspec.Struct, frozen=True):
    """What was put back: the backup's manifest, and what the audit in it says of itself."""

    manifest: Manifest
    audit: Verdict


async def restore_backup(
    path: Path,
    secret: Secret | None,
    records_url: str,
    telemetry: TelemetrySettings | None,
    *,
    replace: bool,
    clock: Clock,
    actor: str,
    progress: Progress | None = None,
) -> Restored:
    """Check a backup as a whole, then put it into the stores. Every other program has to be stopped.

    Records of either database go into either. They are loaded in one transaction: all or nothing. The time
    series follows; when it fails, repeat with `replace`.

    Args:
        path: The backup.
        secret: What it was encrypted with.
        records_url: Address of the records, password included.
        telemetry: Where the time series goes; None to leave it out.
        replace: Do away with what the stores hold.
        clock: The server's time, µs since 1970 UTC.
        actor: Who asked for it, for the audit.
        progress: Called now and then.

    Raises:
        Rejected: The backup cannot be used, or a store is not empty; nothing was changed.
        Permanent, Retryable: A store cannot be used, or does not answer.
    """
    started_us = clock()
    say = progress or (lambda what, done, total: None)
    manifest = await _checked(path, secret, say)
    with_series = telemetry is not None and manifest.telemetry is not None
    if telemetry is not None and manifest.telemetry is not None and not replace:
        await telemetry_backup.check_target(telemetry, manifest.telemetry)
    pieces = _Pieces(path, secret, manifest, say)
    await records_backup.load_dump(records_url, manifest.records, pieces.of_records(), replace=replace)
    if telemetry is not None and with_series:
        await telemetry_backup.restore(telemetry, pieces.of_telemetry(), replace=replace)
    database = Database(records_url)
    try:
        run = BackupRun("restore", "ok", actor, started_us, clock(), str(path), secret is not None)
        return Restored(manifest, await _sealed_and_noted(database, run, say))
    finally:
        await database.close()


async def prove_backup(
    path: Path,
    secret: Secret | None,
    database: Database,
    *,
    clock: Clock,
    actor: str,
    progress: Progress | None = None,
) -> Restored:
    """Restore a backup into a throw-away folder, look at the result, and note the outcome in `database`.

    Records go into a SQLite file, whatever they came from. A time series of an embedded store is opened; of
    InfluxDB's lines, the hashes alone are checked.

    Raises as restore_backup; the failure is noted.
    """
    started_us = clock()
    run = BackupRun("proof", "failed", actor, started_us, started_us, str(path), secret is not None)
    try:
        with tempfile.TemporaryDirectory(prefix="oxywatch-proof-") as folder:
            series = EmbeddedSettings(path=Path(folder) / "telemetry.sqlite")
            restored = await restore_backup(
                path,
                secret,
                f"sqlite:///{folder}/records.sqlite",
                series if await asyncio.to_thread(_holds_embedded, path, secret) else None,
                replace=False,
                clock=clock,
                actor=actor,
                progress=progress,
            )
    except OxyWatchError as error:
        await _note(database, msgspec.structs.replace(run, finished_us=clock(), problem=error.code))
        raise
    problems = restored.audit.problems
    outcome = "failed" if problems else "ok"
    problem = "audit_tampered" if problems else None
    detail = {"rows": restored.manifest.records.rows, "audit_problems": len(problems)}
    await _note(
        database,
        msgspec.structs.replace(run, outcome=outcome, finished_us=clock(), problem=problem, detail=detail),
    )
    return restored


class _Pieces:
    """The pieces of an archive for the one store and the other, read in a thread."""

    def __init__(self, path: Path, secret: Secret | None, manifest: Manifest, say: Progress) -> None:
        self._path = path
        self._secret = secret
        self._counts = {
            kind: sum(member.name.startswith(kind) for member in manifest.members)
            for kind in (_RECORDS, _TELEMETRY)
        }
        self._say = say

    async def of_records(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield (table, lines)."""
        async for name, data in self._beginning_with(_RECORDS, "records"):
            yield name.split("/")[1], data

    async def of_telemetry(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the time series."""
        async for _, data in self._beginning_with(_TELEMETRY, "time series"):
            yield data

    async def _beginning_with(self, beginning: str, what: str) -> AsyncIterator[tuple[str, bytes]]:
        total, done = self._counts[beginning], 0
        contents = (each for each in members(self._path, self._secret) if each[0].startswith(beginning))
        while total > done:
            found = await asyncio.to_thread(next, contents, None)
            if found is None:
                raise unreadable(self._path, "it changed while it was read")
            yield found
            done += 1
            self._say(f"restoring {what}", done, total)


async def _checked(path: Path, secret: Secret | None, say: Progress) -> Manifest:
    say("checking the backup", 0, 0)
    return await asyncio.to_thread(check, path, secret)


def _holds_embedded(path: Path, secret: Secret | None) -> bool:
    names: Iterator[str] = (name for name, _ in members(path, secret))
    return any(name.startswith(f"{_TELEMETRY}embedded/") for name in names)


async def _sealed_and_noted(database: Database, run: BackupRun, say: Progress) -> Verdict:
    async with database.read() as tx:
        verdict = await audit.verify(tx, progress=lambda done, total: say("verifying the audit", done, total))
    detail = {"audit_head": verdict.head, "audit_problems": len(verdict.problems)}
    await _note(database, msgspec.structs.replace(run, detail=detail))
    return verdict


async def _note(database: Database, run: BackupRun) -> None:
    async with database.write() as tx:
        await records_backup.note_run(tx, run)
