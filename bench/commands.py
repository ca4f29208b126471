"""`oxywatch bench …`: measurements that anyone can repeat."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench.report import Report

app = typer.Typer(
    help="Measurements that anyone can repeat. / Các phép đo ai cũng lặp lại được.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="A short run for a first look.")]

EXIT_GOAL_MISSED = 1


@app.callback()
def _group() -> None:
    """Keep each benchmark a command of its own."""


@app.command()
def latency(
    as_json: JsonOption = False,
    quick: QuickOption = False,
    tanks: Annotated[int, typer.Option(min=1, max=2000)] = 200,
    seconds: Annotated[int, typer.Option(min=10, max=3600)] = 120,
) -> None:
    """Time from an instrument's read to the stored point, and from a crossing to its status row.

    Example: oxywatch bench latency --json
    """
    from bench.latency import Size, measure  # noqa: PLC0415

    logging.getLogger("oxywatch.supervision").setLevel(logging.ERROR)
    size = Size(min(tanks, 20), 30, 10) if quick else Size(tanks, seconds)
    with Console(stderr=True).status(f"{size.tanks} tanks for {size.seconds} s …"):
        report = asyncio.run(measure(size))
    _show(report, as_json=as_json)


@app.command()
def restore(
    as_json: JsonOption = False,
    quick: QuickOption = False,
    rows: Annotated[int, typer.Option(min=1000, max=100_000_000)] = 1_000_000,
    target: Annotated[str, typer.Option(help="An empty PostgreSQL database; else SQLite.")] = "",
) -> None:
    """Time to back up records, and to check and restore them into an empty database.

    Example: oxywatch bench restore --json --target postgresql://oxywatch@127.0.0.1:5432/empty
    """
    from bench.restore import measure  # noqa: PLC0415

    count = min(rows, 20_000) if quick else rows
    with Console(stderr=True).status(f"{count} rows …"):
        report = asyncio.run(measure(count, target or None))
    _show(report, as_json=as_json)


def _show(report: Report, *, as_json: bool) -> None:
    """Print a report; exit code 1 tells that a goal was missed."""
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        table = Table("figure", "value", "goal", "met", title=f"{report.bench} ({report.commit})")
        for item in report.figures:
            sign = "≤" if item.better == "lower" else "≥"
            met = "yes" if item.met else "NO"
            table.add_row(item.name, f"{item.value:.4g} {item.unit}", f"{sign} {item.goal:g}", met)
        Console().print(table, report.machine, report.details)
    if not all(item.met for item in report.figures):
        raise typer.Exit(EXIT_GOAL_MISSED)
