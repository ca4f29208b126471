"""`oxywatch edge …`: the gateway's commands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.agent import run_agents
from edge_agent.clock import Clock, system_clock
from edge_agent.config import load_config
from edge_agent.settings import AgentConfig
from oxygen.errors import BadConfiguration
from oxywatch.process import EXIT_BAD_CONFIGURATION, run_program, said_in_both

app = typer.Typer(
    help="The gateway at the hospital. / Thiết bị cổng tại bệnh viện.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

ConfigFiles = Annotated[
    list[Path], typer.Argument(help="Configuration files (TOML), one a gateway.", show_default=False)
]


@app.command()
def run(configs: ConfigFiles) -> None:
    """Read the instruments, keep what was read, publish it. Example: oxywatch edge run gateway.toml"""
    loaded = _load(configs)

    async def main(stop: asyncio.Event) -> None:
        await run_agents(loaded, clock_of=_clock_of, stop=stop)

    run_program("edge", main)


@app.command()
def check(configs: ConfigFiles) -> None:
    """Check configuration files and say what they mean; nothing is contacted.

    Example: oxywatch edge check gateway.toml
    """
    for path, config in zip(configs, _load(configs), strict=True):
        address = config.address
        typer.echo(f"{path}: gateway {address.gateway} of {address.facility} (shard {address.shard})")
        for bus in config.buses:
            typer.echo(f"  bus {bus.name}: {bus.host}:{bus.port}")
            for tank in bus.tanks:
                signals = ", ".join(f"{signal.name} from {signal.point.name}" for signal in tank.signals)
                typer.echo(f"    {tank.subject}: {tank.profile.name}, unit {tank.unit}: {signals}")


def _clock_of(config: AgentConfig) -> Clock:
    return system_clock(trust=config.trust_clock)


def _load(paths: list[Path]) -> list[AgentConfig]:
    loaded: list[AgentConfig] = []
    wrong = False
    for path in paths:
        try:
            loaded.append(load_config(path))
        except BadConfiguration as error:
            typer.echo(said_in_both(error), err=True)
            wrong = True
    if wrong:
        raise typer.Exit(EXIT_BAD_CONFIGURATION)
    return loaded
