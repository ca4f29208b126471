"""`oxywatch admin accounts …`: helping somebody back in who lost the ways to sign in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from oxywatch.admin.keys import ACTOR, ConfigOption, load, refusing
from oxywatch.process import now_us, run_program

if TYPE_CHECKING:
    from records.database import Transaction

app = typer.Typer(
    help="Accounts, from the console. / Tài khoản, từ bảng điều khiển máy chủ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

UsernameArgument = Annotated[str, typer.Argument(help="User name of the account.")]


@app.command()
def reset_second_factor(config: ConfigOption, username: UsernameArgument) -> None:
    """Take an account's authenticator and recovery codes away, so that a new one can be set up.

    Make sure who asks. Works without the key file too.

    oxywatch admin accounts reset-second-factor -c centre.toml admin
    """
    settings = load(config)

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415
        from records import identity  # noqa: PLC0415

        async with records(settings, stop) as database:
            if stop.is_set():
                return
            async with database.write() as tx:
                number = await _user_id(tx, username)
                await identity.reset_second_factor(tx, number, actor=ACTOR, now_us=now_us())
        typer.echo(f"second factor of {username}: taken away")

    run_program("admin", refusing(main))


@app.command()
def erase(
    config: ConfigOption,
    username: UsernameArgument,
    reason: Annotated[str, typer.Option(help="Why, for the audit.", show_default=False)],
) -> None:
    """Close an account and destroy its owner's personal data for good.

    oxywatch admin accounts erase -c centre.toml lan --reason "left the hospital"
    """
    settings = load(config)

    async def main(stop: asyncio.Event) -> None:
        from oxywatch.programs.opening import records  # noqa: PLC0415
        from records import identity  # noqa: PLC0415

        async with records(settings, stop) as database:
            if stop.is_set():
                return
            async with database.write() as tx:
                number = await _user_id(tx, username)
                await identity.erase_user(tx, number, actor=ACTOR, reason=reason, now_us=now_us())
        typer.echo(f"{username}: closed, personal data erased")

    run_program("admin", refusing(main))


async def _user_id(tx: Transaction, username: str) -> int:
    from records import identity  # noqa: PLC0415
    from records.refusals import not_found  # noqa: PLC0415

    name = username.strip().lower()
    for user in await identity.users(tx):
        if user.username == name:
            return user.id
    raise not_found("user", name)
