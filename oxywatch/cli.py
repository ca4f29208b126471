"""Command line of OxyWatch."""

from __future__ import annotations

import typer

app = typer.Typer(help="Watches hospitals' liquid-oxygen tanks.", no_args_is_help=True)
