"""`oxywatch admin registry …`: the registry as spreadsheets."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from oxywatch.admin.keys import ACTOR, ConfigOption, load, refusing
from oxywatch.process import EXIT_BAD_CONFIGURATION, now_us, run_program

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from oxywatch.settings import CentreSettings
    from records.registry.exchange import ImportPlan, Sheet, Upload

EXIT_PROBLEMS = 1

app = typer.Typer(
    help="Facilities, tanks, suppliers … as spreadsheets. / Danh mục qua bảng tính.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

FileArgument = Annotated[Path, typer.Argument(help="XLSX, or CSV with one kind, named after it (tank.csv).")]
LocaleOption = Annotated[str, typer.Option(help="Language of headings and problems: vi or en.")]
SheetOption = Annotated[
    str | None,
    typer.Option("--sheet", help="Kind of a CSV file that is named otherwise.", show_default=False),
]


@app.command()
def template(file: FileArgument, locale: LocaleOption = "vi", sheet: SheetOption = None) -> None:
    """Write the empty sheets to fill in.

    oxywatch admin registry template registry.xlsx
    """
    from records.registry import exchange  # noqa: PLC0415

    _write(file, exchange.template(), locale, sheet)


@app.command("export")
def export_file(
    config: ConfigOption, file: FileArgument, locale: LocaleOption = "vi", sheet: SheetOption = None
) -> None:
    """Write everything that is registered and in use; it can be brought in again.

    oxywatch admin registry export -c centre.toml registry.xlsx
    """
    settings = load(config)

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415
        from records.registry import exchange  # noqa: PLC0415

        async with records(settings, stop) as database:
            if stop.is_set():
                return
            async with database.read() as tx:
                sheets = await exchange.export(tx)
        await asyncio.to_thread(_write, file, sheets, locale, sheet)

    run_program("admin", refusing(main))


@app.command("import")
def import_file(
    config: ConfigOption,
    file: FileArgument,
    apply: Annotated[bool, typer.Option("--apply", help="Store it; without this nothing changes.")] = False,
    locale: LocaleOption = "vi",
    sheet: SheetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write changes and problems as JSON.")] = False,
) -> None:
    """Tell what a file would change and every value that is wrong (ends with 1 then); `--apply` stores it.

    oxywatch admin registry import -c centre.toml registry.xlsx
    """
    from records.registry.exchange import read_upload  # noqa: PLC0415

    settings = load(config)
    try:
        upload = read_upload(file.name, file.read_bytes(), sheet=sheet)
    except OSError as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from error
    plans: list[ImportPlan] = []
    run_program("admin", refusing(lambda stop: _bring_in(settings, upload, plans, stop, apply=apply)))
    for plan in plans:
        _tell(plan, locale, as_json=as_json, applied=apply)
        if plan.problems:
            raise typer.Exit(EXIT_PROBLEMS)


async def _bring_in(
    settings: CentreSettings, upload: Upload, plans: list[ImportPlan], stop: asyncio.Event, *, apply: bool
) -> None:
    from oxywatch.programs.opening import records  # noqa: PLC0415
    from records.registry.exchange import apply_import, plan_import  # noqa: PLC0415

    async with records(settings, stop) as database:
        if stop.is_set():
            return
        async with database.read() as tx:
            plans.append(await plan_import(tx, upload))
        if apply and not plans[0].problems:
            async with database.write() as tx:
                await apply_import(
                    tx,
                    upload,
                    actor=ACTOR,
                    now_us=now_us(),
                    expected_registry_version=plans[0].registry_version,
                )


def _tell(plan: ImportPlan, locale: str, *, as_json: bool, applied: bool) -> None:
    if as_json:
        told = [msgspec.to_builtins(each) | {"text": each.text(locale)} for each in plan.problems]
        typer.echo(json.dumps(msgspec.to_builtins(plan) | {"problems": told}, ensure_ascii=False))
        return
    for problem in plan.problems:
        place = f"{problem.sheet}:{problem.row}:{problem.column}".strip(":")
        typer.echo(f"{place}: {problem.text(locale)}", err=True)
    counts = ", ".join(f"{plan.count(action)} {action}" for action in ("add", "change", "same"))
    done = "stored" if applied and not plan.problems else "nothing stored"
    typer.echo(f"{counts}; {len(plan.problems)} problems; {done}")


def _write(file: Path, sheets: list[tuple[Sheet, list[list[Any]]]], locale: str, only: str | None) -> None:
    from records.registry.exchange import to_csv, to_xlsx  # noqa: PLC0415

    if file.suffix.lower() != ".csv":
        file.write_bytes(to_xlsx(sheets, locale))
        return
    name = only or file.stem
    chosen = next(((sheet, rows) for sheet, rows in sheets if sheet.name == name), None)
    if chosen is None:
        known = ", ".join(sheet.name for sheet, _ in sheets)
        typer.echo(f"--sheet: found {name}, expected one of {known}", err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION)
    file.write_bytes(to_csv(*chosen, locale))
