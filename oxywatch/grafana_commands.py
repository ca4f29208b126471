"""`oxywatch grafana …`: dashboards for engineers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Dashboards for engineers. / Bảng theo dõi cho kỹ sư.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """Keep `build` a command of its own."""


@app.command()
def build(
    out: Annotated[Path, typer.Argument(help="Folder for dashboards and provisioning.")] = Path(
        "deploy/grafana"
    ),
) -> None:
    """Write the dashboards and their provisioning. Example: oxywatch grafana build deploy/grafana"""
    from grafana.build import build as build_all  # noqa: PLC0415

    for path in build_all(out):
        typer.echo(str(path))
