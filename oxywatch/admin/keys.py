"""`oxywatch admin keys …`: the master keys of personal data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from oxygen.errors import BadConfiguration, Rejected
from oxywatch.process import EXIT_BAD_CONFIGURATION, EXIT_CANNOT_RUN, now_us, run_program

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from oxywatch.settings import CentreSettings
    from records.database import Database
    from records.personal import Finding

ACTOR = "console"
EXIT_FOUND_WRONG = 1

app = typer.Typer(
    help="Master keys of personal data. / Khóa chủ của dữ liệu cá nhân.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="Settings file (TOML) of the centre.", show_default=False)
]
Step = Callable[["CentreSettings", "Database", Path], Coroutine[Any, Any, None]]


@app.command()
def init(
    config: ConfigOption,
) -> None:
    """Make the key file, and its copy where `records.key_backup_file` names one. Never overwrites.

    oxywatch admin keys init -c centre.toml
    """
    from records.key_file import create_key_file, new_key_file  # noqa: PLC0415

    settings = load(config)
    path, keys = key_file_of(settings), new_key_file(now_us())

    async def make(_stop: asyncio.Event) -> None:
        create_key_file(path, keys)
        typer.echo(f"key file: {path}")
        if settings.records.key_backup_file is not None:
            create_key_file(settings.records.key_backup_file, keys)
            typer.echo(f"its copy: {settings.records.key_backup_file}")

    run_program("admin", refusing(make))


@app.command()
def rotate(config: ConfigOption) -> None:
    """Take a new master key into use and wrap every person's key with it, while everything runs.

    A run that was cut short goes on where it stood. The old master stays in the file, for backups of before;
    take it out with `forget` when they are gone.

    oxywatch admin keys rotate -c centre.toml
    """
    _with_database(config, _rotate)


@app.command()
def check(
    config: ConfigOption,
    as_json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
) -> None:
    """Tell whether the key file and its copy are in order and open every person's key; ends with 1 if not.

    oxywatch admin keys check -c centre.toml
    """
    found: list[Finding] = []
    _with_database(config, partial(_check, found), needs_file=False)
    _show(found, as_json=as_json)
    if found:
        raise typer.Exit(EXIT_FOUND_WRONG)


@app.command()
def forget(
    config: ConfigOption, master: Annotated[str, typer.Argument(help="Id of the old master.")]
) -> None:
    """Take an old master out of the key file and its copy; refused while it wraps a key.

    Backups of the database of before the rotation show no personal data from then on.

    oxywatch admin keys forget -c centre.toml k-5f0c1d2e
    """
    _with_database(config, partial(_forget, master))


@app.command()
def encrypt(config: ConfigOption) -> None:
    """Encrypt phone numbers that were stored before there was a key file. Safe to repeat.

    oxywatch admin keys encrypt -c centre.toml
    """
    _with_database(config, _encrypt)


@app.command()
def erasures(
    config: ConfigOption,
    apply: Annotated[Path | None, typer.Option(help="Erase again whoever this list names.")] = None,
) -> None:
    """Write who was erased (no personal data), or do these erasures again after restoring a backup.

    oxywatch admin keys erasures -c centre.toml > erasures.jsonl
    oxywatch admin keys erasures -c centre.toml --apply erasures.jsonl
    """
    _with_database(config, partial(_erasures, apply), needs_file=False)


async def _rotate(settings: CentreSettings, database: Database, path: Path) -> None:
    from records.personal import rotate as run_rotation  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("wrapping keys", total=None)
        done = await run_rotation(
            database,
            path,
            backup=settings.records.key_backup_file,
            actor=ACTOR,
            clock=now_us,
            progress=lambda count, total: bar.update(task, completed=count, total=total),
        )
    typer.echo(f"master: {done.master}, keys wrapped: {done.rewrapped}")
    if done.unreadable:
        typer.echo(f"keys that could not be read and were left: {done.unreadable}", err=True)


async def _check(found: list[Finding], settings: CentreSettings, database: Database, _path: Path) -> None:
    from records.personal import check_keys  # noqa: PLC0415
    from records.registry import personal_fields  # noqa: PLC0415

    async with database.read() as tx:
        found += await check_keys(tx, settings.records.key_file, settings.records.key_backup_file)
        found += await personal_fields.check_sealed(tx)


async def _forget(master: str, settings: CentreSettings, database: Database, path: Path) -> None:
    from records.personal import forget_master  # noqa: PLC0415

    async with database.write() as tx:
        await forget_master(
            tx, path, master, backup=settings.records.key_backup_file, actor=ACTOR, now_us=now_us()
        )
    typer.echo(f"forgotten: {master}")


async def _encrypt(_settings: CentreSettings, database: Database, _path: Path) -> None:
    from records.registry import personal_fields  # noqa: PLC0415

    async with database.write() as tx:
        count = await personal_fields.seal_plain(tx, actor=ACTOR, now_us=now_us())
    typer.echo(f"encrypted: {count}")


async def _erasures(apply: Path | None, _settings: CentreSettings, database: Database, _path: Path) -> None:
    from records.personal import Tombstone, erase_again, tombstones  # noqa: PLC0415

    if apply is None:
        async with database.read() as tx:
            for stone in await tombstones(tx):
                typer.echo(msgspec.json.encode(stone).decode())
        return
    lines = (await asyncio.to_thread(apply.read_bytes)).splitlines()
    stones = [msgspec.json.decode(line, type=Tombstone) for line in lines if line.strip()]
    async with database.write() as tx:
        count = await erase_again(tx, stones, actor=ACTOR, now_us=now_us())
    typer.echo(f"erased again: {count}")


def _show(found: list[Finding], *, as_json: bool) -> None:
    from oxygen.messages import text  # noqa: PLC0415

    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(one) for one in found], ensure_ascii=False))
        return
    for one in found:
        typer.echo(text(f"keys.{one.code}", "en", **one.params), err=True)
    if not found:
        typer.echo("keys: in order")


def _with_database(config: Path, step: Step, *, needs_file: bool = True) -> None:
    settings = load(config)
    path = key_file_of(settings) if needs_file else settings.records.key_file or Path()

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415

        async with records(settings, stop) as database:
            if not stop.is_set():
                await step(settings, database, path)

    run_program("admin", refusing(main))


def refusing(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
) -> Callable[[asyncio.Event], Coroutine[Any, Any, None]]:
    """Return a program that ends with one line and a telling code when something is refused."""

    async def guarded(stop: asyncio.Event) -> None:
        try:
            await main(stop)
        except Rejected as refusal:
            typer.echo(str(refusal), err=True)
            raise typer.Exit(EXIT_CANNOT_RUN) from refusal

    return guarded


def key_file_of(settings: CentreSettings) -> Path:
    """Return the configured key file; ends the command when there is none."""
    if settings.records.key_file is None:
        typer.echo("no key file: set records.key_file, or OXYWATCH_KEY_FILE", err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION)
    return settings.records.key_file


def load(path: Path) -> CentreSettings:
    """Return the settings; ends the command when they are wrong."""
    from oxywatch.settings import load_settings  # noqa: PLC0415

    try:
        return load_settings(path)
    except BadConfiguration as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from error
