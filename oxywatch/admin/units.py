"""`oxywatch admin units …`: administrative units, which a date decides on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from oxywatch.admin.keys import ACTOR, ConfigOption, load, refusing
from oxywatch.process import EXIT_BAD_CONFIGURATION, now_us, run_program

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from records.units import UnitFile

app = typer.Typer(
    help="Administrative units. / Đơn vị hành chính.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Write what was done as JSON.")]


@app.command("load-2021")
def load_2021(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Load the 63 provinces, 705 districts and 10,599 wards of 2021 and 2022. Safe to repeat.

    oxywatch admin units load-2021 -c centre.toml
    """
    _store(config, _shipped(2021), as_json=as_json)


@app.command("load-2025")
def load_2025(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Load today's 34 provinces over those of 2021, whose districts and wards end. Safe to repeat.

    Today's wards come from a file of your own: see `import`.

    oxywatch admin units load-2025 -c centre.toml
    """
    _store(config, _shipped(2025), as_json=as_json)


@app.command("import")
def import_file(
    config: ConfigOption,
    file: Annotated[Path, typer.Argument(help="CSV file in UTF-8; docs/registry.md tells its columns.")],
    valid_from: Annotated[
        str | None, typer.Option(help="First day, YYYY-MM-DD, of rows that name none.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring units in from a CSV file; nothing is stored while a row is wrong. Safe to repeat.

    oxywatch admin units import -c centre.toml wards.csv --valid-from 2025-07-01
    """
    from oxygen.messages import DEFAULT_LOCALE  # noqa: PLC0415
    from records.units import parse_units  # noqa: PLC0415

    try:
        content = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from error
    wanted, problems = parse_units(content, valid_from=valid_from, source=file.name)
    for problem in problems:
        for locale in (DEFAULT_LOCALE, "en"):
            typer.echo(f"{file}:{problem.row}: {problem.column}: {problem.text(locale)}", err=True)
    if problems:
        raise typer.Exit(EXIT_BAD_CONFIGURATION)
    _store(config, wanted, as_json=as_json)


def _shipped(year: int) -> UnitFile:
    from records.units import shipped  # noqa: PLC0415

    return shipped(year)


def _store(config: Path, wanted: UnitFile, *, as_json: bool) -> None:
    settings = load(config)

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415
        from records.units import import_units  # noqa: PLC0415

        async with records(settings, stop) as database:
            if stop.is_set():
                return
            async with database.write() as tx:
                done = await import_units(tx, wanted, actor=ACTOR, now_us=now_us())
        if as_json:
            typer.echo(json.dumps(msgspec.to_builtins(done)))
        else:
            typer.echo(
                f"units: {done.added} added, {done.changed} changed ({done.closed} ended),"
                f" {done.unchanged} as they were"
            )

    run_program("admin", refusing(main))
