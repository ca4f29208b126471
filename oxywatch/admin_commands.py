"""`oxywatch admin …`: what an installation needs once, before its programs are of use."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oxygen.errors import BadConfiguration
from oxywatch.process import EXIT_BAD_CONFIGURATION, now_us, run_program, said_in_both

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from oxywatch.settings import CentreSettings
    from records.database import Database

app = typer.Typer(
    help="Sets an installation up. / Chuẩn bị hệ thống.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="Settings file (TOML) of the centre.", show_default=False)
]


@app.command()
def prepare(
    config: ConfigOption,
    password_file: Annotated[
        Path, typer.Option(help="Holds the one-time password of the first administrator.", show_default=False)
    ],
) -> None:
    """Bring the records to the newest schema and make the administrator, who has to choose a password.

    Safe to repeat: a password that was chosen stays.

    oxywatch admin prepare -c centre.toml --password-file administrator_password
    """
    run_program("admin", partial(_prepare, _settings(config), _password(password_file)))


@app.command()
def demo(config: ConfigOption) -> None:
    """Register the simulated hospitals, if nothing is registered yet.

    oxywatch admin demo -c centre.toml
    """
    run_program("admin", partial(_demo, _settings(config)))


async def _prepare(settings: CentreSettings, password: str, stop: asyncio.Event) -> None:
    from oxywatch.programs.opening import records  # noqa: PLC0415
    from records import identity  # noqa: PLC0415

    async with records(settings, stop) as database:
        if stop.is_set():
            return
        async with database.write() as tx:
            fresh = await identity.ensure_administrator(tx, password=password, now_us=now_us())
    told = "one-time password set / đã đặt mật khẩu dùng một lần"
    typer.echo(f"admin: {told if fresh else 'already there / đã có'}")


async def _demo(settings: CentreSettings, stop: asyncio.Event) -> None:
    from oxywatch.programs.opening import records  # noqa: PLC0415

    async with records(settings, stop) as database:
        if not stop.is_set():
            await _register(database)


async def _register(database: Database) -> None:
    from firmware_sim import scenario_file  # noqa: PLC0415
    from oxywatch.demo.preparation import register_hospitals  # noqa: PLC0415

    async with database.write() as tx:
        await register_hospitals(tx, scenario_file.shipped("demo"), now_us())
    typer.echo("Simulated hospitals are registered. / Đã đăng ký các bệnh viện mô phỏng.")


def _settings(path: Path) -> CentreSettings:
    from oxywatch.settings import load_settings  # noqa: PLC0415

    try:
        return load_settings(path)
    except BadConfiguration as error:
        typer.echo(said_in_both(error), err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from error


def _password(path: Path) -> str:
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].strip()
        found = "an empty first line"
    except (OSError, UnicodeDecodeError) as error:
        password, found = "", str(error)
    if not password:
        problem = BadConfiguration(
            file=str(path), line=None, key="--password-file", found=found, expected="a password"
        )
        typer.echo(said_in_both(problem), err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION)
    return password
