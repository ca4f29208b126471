"""`oxywatch backup`, `oxywatch restore` and `oxywatch prove-backup`."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oxygen.local_time import from_us
from oxywatch.admin.keys import ACTOR, ConfigOption, load
from oxywatch.admin.running import Say, progress_bar, run_to_end
from oxywatch.process import now_us

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from jobs.backup.encryption import Secret
    from jobs.backup.making import Made
    from jobs.backup.restoring import Restored
    from oxywatch.settings import CentreSettings

EXIT_TAMPERED = 1

PassphraseOption = Annotated[
    Path | None, typer.Option(help="File whose first line is the passphrase (12 bytes or more).")
]
KeyOption = Annotated[Path | None, typer.Option(help="File that is the key (32 bytes or more).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RecordsOnlyOption = Annotated[bool, typer.Option(help="Leave the time series out.")]


def backup(
    place: Annotated[Path, typer.Argument(help="Folder, or file to write.", show_default=False)],
    config: ConfigOption,
    passphrase_file: PassphraseOption = None,
    key_file: KeyOption = None,
    records_only: RecordsOnlyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Back up records and time series while everything runs. / Sao lưu khi hệ thống vẫn chạy.

    Keys, passwords and settings are not in it: keep copies of those apart.

    oxywatch backup /mnt/backups -c centre.toml --key-file /etc/oxywatch/backup.key
    """
    settings, secret = load(config), partial(_secret, passphrase_file, key_file)
    with progress_bar() as say:
        made = run_to_end("backup", lambda stop: _backup(settings, place, secret(), records_only, say, stop))
    facts = {
        "file": str(made.path),
        "bytes": made.written.bytes,
        "sha256": made.written.sha256,
        "rows": made.manifest.records.rows,
        "telemetry": made.manifest.telemetry,
    }
    _print(facts, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", show_default=False)],
    config: ConfigOption,
    passphrase_file: PassphraseOption = None,
    key_file: KeyOption = None,
    records_only: RecordsOnlyOption = False,
    replace: Annotated[bool, typer.Option("--replace", help="Do away with what is there now.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup back into the stores that the settings name. / Khôi phục từ bản sao lưu.

    Stop every other program first. The backup is checked as a whole before anything is changed. Records made
    with SQLite may go into PostgreSQL and the other way round. Ends with 1 when the audit in it was tampered
    with. Afterwards do again the erasures of persons since then: `oxywatch admin keys erasures --apply`.

    oxywatch restore oxywatch-20260301T020000Z.backup -c centre.toml --key-file backup.key
    """
    settings, secret = load(config), partial(_secret, passphrase_file, key_file)
    with progress_bar() as say:
        restored = run_to_end(
            "restore", lambda _: _restore(settings, file, secret(), records_only, replace, say)
        )
    _report(restored, as_json=as_json)


def prove_backup(
    file: Annotated[Path, typer.Argument(help="The backup.", show_default=False)],
    config: ConfigOption,
    passphrase_file: PassphraseOption = None,
    key_file: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into a temporary folder, and note that it could be. / Thử khôi phục bản sao lưu.

    oxywatch prove-backup /mnt/backups/oxywatch-20260301T020000Z.backup -c centre.toml
    """
    settings, secret = load(config), partial(_secret, passphrase_file, key_file)
    with progress_bar() as say:
        restored = run_to_end("prove-backup", lambda stop: _prove(settings, file, secret(), say, stop))
    _report(restored, as_json=as_json)


async def _backup(
    settings: CentreSettings,
    place: Path,
    secret: Secret | None,
    records_only: bool,
    say: Say,
    stop: asyncio.Event,
) -> Made:
    from jobs.backup.making import make_backup  # noqa: PLC0415
    from oxywatch.programs.opening import records  # noqa: PLC0415

    series = None if records_only else settings.telemetry
    async with records(settings, stop) as database:
        return await make_backup(database, series, place, secret, clock=now_us, actor=ACTOR, progress=say)


async def _restore(
    settings: CentreSettings, file: Path, secret: Secret | None, records_only: bool, replace: bool, say: Say
) -> Restored:
    from jobs.backup.restoring import restore_backup  # noqa: PLC0415

    return await restore_backup(
        file,
        secret,
        settings.records.address(),
        None if records_only else settings.telemetry,
        replace=replace,
        clock=now_us,
        actor=ACTOR,
        progress=say,
    )


async def _prove(
    settings: CentreSettings, file: Path, secret: Secret | None, say: Say, stop: asyncio.Event
) -> Restored:
    from jobs.backup.restoring import prove_backup as prove  # noqa: PLC0415
    from oxywatch.programs.opening import records  # noqa: PLC0415

    async with records(settings, stop) as database:
        return await prove(file, secret, database, clock=now_us, actor=ACTOR, progress=say)


def _secret(passphrase_file: Path | None, key_file: Path | None) -> Secret | None:
    from jobs.backup.encryption import read_secret  # noqa: PLC0415

    return read_secret(passphrase_file, key_file)


def _report(restored: Restored, *, as_json: bool) -> None:
    manifest, verdict = restored.manifest, restored.audit
    facts = {
        "as_of": from_us(manifest.started_us).isoformat(),
        "version": manifest.version,
        "rows": manifest.records.rows,
        "telemetry": manifest.telemetry,
        "audit_blocks": verdict.blocks,
        "audit_problems": len(verdict.problems),
    }
    _print(facts, as_json=as_json)
    if verdict.problems:
        raise typer.Exit(EXIT_TAMPERED)


def _print(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        typer.echo(f"{name}: {value}")
