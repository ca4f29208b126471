"""The command line: every program of OxyWatch, and the tools around them."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from oxygen.errors import BadConfiguration
from oxywatch import admin_commands, edge_commands, grafana_commands
from oxywatch.process import EXIT_BAD_CONFIGURATION, run_program, said_in_both

app = typer.Typer(
    help="Watches hospitals' liquid-oxygen tanks, so that none runs dry unnoticed. / "
    "Theo dõi bồn oxy lỏng của bệnh viện.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(edge_commands.app, name="edge")
app.add_typer(grafana_commands.app, name="grafana")
app.add_typer(admin_commands.app, name="admin")
# By name: the benchmarks stand above this room, they start its programs.
app.add_typer(importlib.import_module("bench.commands").app, name="bench")

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="Settings file (TOML), as `oxywatch run` writes one.", show_default=False
    ),
]


@app.command()
def run(
    data: Annotated[Path, typer.Option(help="Folder that keeps everything.")] = Path("data"),
    host: Annotated[str, typer.Option(help="Address the pages listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port of the pages; 8080 or the next free one.")] = None,
    broker: Annotated[str | None, typer.Option(help="HOST:PORT of an MQTT broker.")] = None,
    records: Annotated[str | None, typer.Option(help="postgresql://USER@HOST:PORT/DATABASE")] = None,
    influx: Annotated[str | None, typer.Option(help="Address of InfluxDB, as http://127.0.0.1:8086")] = None,
    influx_database: Annotated[str, typer.Option(help="Its database (v1) or bucket (v2).")] = "oxywatch",
    influx_token_file: Annotated[
        Path | None, typer.Option(help="File with a token: 2.x and 3.x. Without it, 1.x is spoken.")
    ] = None,
    influx_org: Annotated[str, typer.Option(help="Organisation of the bucket.")] = "oxywatch",
    scenario: Annotated[Path | None, typer.Option(help="Another simulated world (TOML).")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="History made at the first start.")] = 30,
) -> None:
    """Run all of it on this machine, with simulated hospitals.

    Embedded parts (an MQTT broker and SQLite files) unless others are named:

        oxywatch run

        oxywatch run --broker 127.0.0.1:1883 --influx http://127.0.0.1:8086
            --records postgresql://oxywatch@127.0.0.1:5432/oxywatch
    """
    from oxywatch import run as running  # noqa: PLC0415 - the web stack is not needed by the other commands

    telemetry = None
    if influx is not None:
        telemetry = {"kind": "influx", "url": influx, "api": "v1", "database": influx_database}
        if influx_token_file is not None:
            del telemetry["database"]
            telemetry |= {"api": "v2", "bucket": influx_database, "org": influx_org}
            telemetry["token_file"] = str(influx_token_file.resolve())
    options = running.RunOptions(
        data=data,
        host=host,
        port=port,
        records_url=records,
        telemetry=telemetry,
        broker=broker,
        scenario=scenario,
        days=days,
    )
    run_program("run", partial(running.run, options, console=Console()))


@app.command()
def ingest(config: ConfigOption) -> None:
    """Run ingest: MQTT in, validated, derived, stored. Example: oxywatch ingest -c centre.toml"""
    _run_centre("ingest", config)


@app.command()
def alerts(config: ConfigOption) -> None:
    """Run alerts: evaluation and delivery of alarms. Example: oxywatch alerts -c centre.toml"""
    _run_centre("alerts", config)


@app.command()
def jobs(config: ConfigOption) -> None:
    """Run what happens by the clock: retention and the like. Example: oxywatch jobs -c centre.toml"""
    _run_centre("jobs", config)


@app.command()
def api(config: ConfigOption) -> None:
    """Run the pages and the JSON interface. Example: oxywatch api -c centre.toml"""
    _run_centre("api", config)


def _run_centre(name: str, config: Path) -> None:
    from oxywatch.settings import load_settings  # noqa: PLC0415

    main = importlib.import_module(f"oxywatch.programs.{name}").main
    try:
        settings = load_settings(config)
    except BadConfiguration as error:
        typer.echo(said_in_both(error), err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from error
    run_program(name, partial(main, settings))


@app.command(hidden=True)
def mail_sink(config: ConfigOption, port: Annotated[int, typer.Option()]) -> None:
    """Receive mail on loopback and show it on a page: for trying OxyWatch out."""
    from oxywatch.programs import mail_sink as program  # noqa: PLC0415
    from oxywatch.settings import load_settings  # noqa: PLC0415

    run_program("mail-sink", partial(program.main, load_settings(config), port))


@app.command(hidden=True)
def broker(folder: Path, port: int) -> None:
    """Run the embedded broker."""
    from oxywatch.embedded_broker import run_broker  # noqa: PLC0415

    run_program("broker", partial(run_broker, folder, "127.0.0.1", port))


@app.command(hidden=True)
def history(request: str) -> None:
    """Make the simulated hospitals' past; prints progress and then the files as JSON lines."""
    from oxywatch.demo.data_folder import HistoryRequest  # noqa: PLC0415
    from oxywatch.demo.history_job import make_history  # noqa: PLC0415

    def say(answer: object) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    paths = make_history(msgspec.json.decode(request, type=HistoryRequest), say)
    say([str(path) for path in paths])


@app.command()
def sim(
    state: Annotated[Path, typer.Option(help="File that keeps the world between runs.")],
    ready: Annotated[Path, typer.Option(help="File written when all modules listen: their ports.")],
    scenario: Annotated[Path | None, typer.Option(help="World to simulate (TOML); else the demo.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Write what the tanks really hold (JSON lines).")] = None,
    line_target: Annotated[str, typer.Option(help="HOST:PORT of the broker behind simulated lines.")] = "",
) -> None:
    """Simulate tanks and instruments behind Modbus TCP.

    Example: oxywatch sim --state world.json --ready ports.json --line-target 127.0.0.1:1883
    """
    from firmware_sim import service  # noqa: PLC0415
    from oxywatch.process import now_us  # noqa: PLC0415

    host, _, port = line_target.rpartition(":")
    settings = service.Settings(
        state_file=state,
        ready_file=ready,
        scenario=scenario,
        truth_file=truth,
        line_target=(host, int(port)) if host and port.isdigit() else None,
    )

    async def main(stop: asyncio.Event) -> None:
        await service.run(settings, now_us, asyncio.sleep, stop)

    run_program("simulator", main)
