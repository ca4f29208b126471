"""`oxywatch admin gateways …`: admitting gateways, and taking that back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from oxygen.units import US_PER_HOUR
from oxywatch.admin.keys import ACTOR, ConfigOption, load, refusing
from oxywatch.process import now_us, run_program

if TYPE_CHECKING:
    from records.database import Transaction

app = typer.Typer(
    help="Gateways: enrol, revoke, list. / Thiết bị giám sát: kết nối, thu hồi, liệt kê.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

GatewayArgument = Annotated[str, typer.Argument(help="Code of the gateway in the registry.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for the audit.", show_default=False)]


@app.command()
def code(
    config: ConfigOption,
    gateway: GatewayArgument,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 30, help="How long it holds.")] = 48.0,
) -> None:
    """Print a one-time code with which the gateway gets its certificate. It is shown this once.

    oxywatch admin gateways code -c centre.toml gw-cho-ray-1
    """

    async def make(tx: Transaction) -> None:
        from records import enrolment  # noqa: PLC0415

        valid_us = round(hours * US_PER_HOUR)
        typer.echo(await enrolment.create_code(tx, gateway, valid_us=valid_us, actor=ACTOR, now_us=now_us()))

    _in_one_transaction(config, make)


@app.command()
def revoke(config: ConfigOption, gateway: GatewayArgument, reason: ReasonOption) -> None:
    """Take a gateway's certificates and codes back; the broker throws it out within seconds.

    It cannot be enrolled again before its certificates have run out: another gateway takes its place.

    oxywatch admin gateways revoke -c centre.toml gw-cho-ray-1 --reason "stolen on 3 March"
    """

    async def take_back(tx: Transaction) -> None:
        from records import enrolment  # noqa: PLC0415

        count = await enrolment.revoke_gateway(tx, gateway, reason=reason, actor=ACTOR, now_us=now_us())
        typer.echo(f"{gateway}: revoked, certificates: {count}")

    _in_one_transaction(config, take_back)


@app.command()
def readmit(config: ConfigOption, gateway: GatewayArgument, reason: ReasonOption) -> None:
    """Lift a revocation after the gateway's last certificate has run out.

    oxywatch admin gateways readmit -c centre.toml gw-cho-ray-1 --reason "found again"
    """

    async def lift(tx: Transaction) -> None:
        from records import enrolment  # noqa: PLC0415

        await enrolment.readmit_gateway(tx, gateway, reason=reason, actor=ACTOR, now_us=now_us())
        typer.echo(f"{gateway}: may be enrolled again")

    _in_one_transaction(config, lift)


@app.command("list")
def list_(
    config: ConfigOption,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """List every gateway with what the broker is to do for it, and what differs there.

    oxywatch admin gateways list -c centre.toml
    """

    async def show(tx: Transaction) -> None:
        from records import enrolment  # noqa: PLC0415

        accesses = {each.gateway: each for each in await enrolment.accesses(tx)}
        differences = {each.client: each.kind for each in await enrolment.differences(tx)}
        for gateway, place in sorted((await enrolment.addresses(tx)).items()):
            access = accesses.get(gateway)
            row = {
                "gateway": gateway,
                "facility": place.facility,
                "shard": place.shard,
                "wanted": access.wanted if access else None,
                "applied": access.applied if access else None,
                "difference": differences.get(gateway),
            }
            typer.echo(json.dumps(row) if as_json else "  ".join(str(value) for value in row.values()))

    _in_one_transaction(config, show)


def _in_one_transaction(config: ConfigOption, work: Callable[[Transaction], Awaitable[None]]) -> None:
    settings = load(config)

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415

        async with records(settings, stop) as database:
            if stop.is_set():
                return
            async with database.write() as tx:
                await work(tx)

    run_program("admin", refusing(main))
