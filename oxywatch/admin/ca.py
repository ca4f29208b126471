"""`oxywatch admin ca …`: the certificate authority of an installation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from oxywatch.admin.keys import refusing
from oxywatch.process import run_program

SERVICE_DAYS = 397
app = typer.Typer(
    help="The certificate authority: offline root, online intermediate. / Hệ thống cấp chứng thư.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

RootOption = Annotated[Path, typer.Option(help="Folder of the root; carried away afterwards.")]
OnlineOption = Annotated[
    Path, typer.Option(help="Folder of the intermediate, for the enrolment service alone.")
]
RootSecretOption = Annotated[Path, typer.Option(help="File with the root's passphrase; made when missing.")]
SecretOption = Annotated[
    Path, typer.Option(help="File with the intermediate's passphrase; made when missing.")
]
OutOption = Annotated[Path, typer.Option(help="Folder for NAME.key and NAME.pem.")]


@app.command()
def init(
    root: RootOption = Path("ca-root"),
    online: OnlineOption = Path("ca"),
    root_passphrase_file: RootSecretOption = Path("ca-root.passphrase"),
    passphrase_file: SecretOption = Path("ca.passphrase"),
) -> None:
    """Make the root and the intermediate. Never overwrites.

    Keep the root's folder and its passphrase away from this machine, each in a place of its own, and out of
    every backup; it is needed again only for another intermediate.

    oxywatch admin ca init --root /media/stick/ca-root --online /etc/oxywatch/ca
    """

    def make() -> None:
        from certificates import make_authority  # noqa: PLC0415

        make_authority(
            root,
            online,
            root_passphrase=_passphrase(root_passphrase_file),
            passphrase=_passphrase(passphrase_file),
            now=_now(),
        )
        typer.echo(f"root: {root}; carry it and {root_passphrase_file} away from this machine")
        typer.echo(
            f"intermediate: {online}, opened by {passphrase_file}; brokers and gateways trust {online}/ca.pem"
        )

    _run(make)


@app.command()
def intermediate(
    root: RootOption = Path("ca-root"),
    online: OnlineOption = Path("ca"),
    root_passphrase_file: RootSecretOption = Path("ca-root.passphrase"),
    passphrase_file: SecretOption = Path("ca.passphrase"),
) -> None:
    """Make another intermediate with the root, in an empty folder: before the first ends, or if it is lost.

    oxywatch admin ca intermediate --root /media/stick/ca-root --online /etc/oxywatch/ca-2
    """

    def make() -> None:
        from certificates import make_intermediate, read_passphrase  # noqa: PLC0415

        make_intermediate(
            root,
            online,
            root_passphrase=read_passphrase(root_passphrase_file),
            passphrase=_passphrase(passphrase_file),
            now=_now(),
        )
        typer.echo(f"intermediate: {online}")

    _run(make)


@app.command()
def server(
    names: Annotated[list[str], typer.Argument(help="Host names and addresses of the broker.")],
    out: OutOption = Path(),
    online: OnlineOption = Path("ca"),
    passphrase_file: SecretOption = Path("ca.passphrase"),
    days: Annotated[int, typer.Option(min=1, max=825)] = SERVICE_DAYS,
) -> None:
    """Make key and certificate of the broker; the first name names the files.

    oxywatch admin ca server mqtt.example.org 10.0.0.5 --out /etc/mosquitto/certs
    """
    _run(lambda: _issue(names[0], out, online, passphrase_file, days, server_names=names))


@app.command()
def service(
    name: Annotated[str, typer.Argument(help="ingest, alerts, jobs, api, or one of several, as ingest-2.")],
    out: OutOption = Path(),
    online: OnlineOption = Path("ca"),
    passphrase_file: SecretOption = Path("ca.passphrase"),
    days: Annotated[int, typer.Option(min=1, max=825)] = SERVICE_DAYS,
) -> None:
    """Make key and certificate of one of the centre's programs, called service.NAME at the broker.

    The dot keeps it apart from every gateway. oxywatch admin ca service ingest --out /etc/oxywatch/broker
    """
    _run(lambda: _issue(f"service.{name}", out, online, passphrase_file, days, server_names=[]))


def _issue(
    name: str, out: Path, online: Path, passphrase_file: Path, days: int, *, server_names: list[str]
) -> None:
    from certificates import load_authority, new_request, write_secret  # noqa: PLC0415

    authority = load_authority(online, passphrase_file)
    key, request = new_request(name)
    life = timedelta(days=days)
    if server_names:
        issued = authority.issue_server(request, server_names, now=_now(), life=life)
    else:
        issued = authority.issue_client(request, name, now=_now(), life=life)
    write_secret(out / f"{name}.key", key)
    write_secret(out / f"{name}.pem", (issued.certificate + issued.chain).encode(), mode=0o644)
    typer.echo(f"{out / name}.key, {out / name}.pem")


def _passphrase(path: Path) -> bytes:
    from certificates import new_passphrase_file, read_passphrase  # noqa: PLC0415

    if not path.exists():
        new_passphrase_file(path)
    return read_passphrase(path)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _run(make: Callable[[], None]) -> None:
    async def main(_stop: asyncio.Event) -> None:
        await asyncio.to_thread(make)

    run_program("admin", refusing(main))
