"""`oxywatch admin verify-audit` and `oxywatch admin audit …`: is history as it was written; what is in it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from oxygen.local_time import day_bounds_us, from_us
from oxygen.messages import text
from oxywatch.admin.keys import ACTOR, ConfigOption, load
from oxywatch.admin.running import Say, progress_bar, run_to_end
from oxywatch.process import EXIT_BAD_CONFIGURATION, now_us

if TYPE_CHECKING:  # the other commands share this process and need none of it
    from oxywatch.settings import CentreSettings
    from records.audit import AuditEntry, Filter, Head, Tail, Verdict

EXIT_TAMPERED = 1
_SHOWN = 100
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = ("id", "at", "actor", "action", "subject", "address", "before", "after", "reason", "detail")

app = typer.Typer(
    help="The audit: who did what. / Nhật ký kiểm toán: ai đã làm gì.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _group() -> None:
    """Keep each command a command of its own."""


def verify_audit(
    config: ConfigOption,
    head: Annotated[
        str, typer.Option(help="BLOCK:HASH, as a mail told it: shows also whether the end was cut off.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Tell whether the audit is as it was written: every row, every block. / Kiểm tra nhật ký kiểm toán.

    Ends with 0 when it is, with 1 when something was edited, deleted, inserted or reordered.

    oxywatch admin verify-audit -c centre.toml --head 1204:9f86d081…
    """
    settings, known = load(config), _head(head)
    with progress_bar() as say:
        verdict, tail = run_to_end("admin", lambda stop: _verify(settings, known, say, stop))
    if as_json:
        overdue = None if tail is None else msgspec.to_builtins(tail)
        typer.echo(json.dumps({**msgspec.to_builtins(verdict), "overdue_tail": overdue}))
    else:
        _show(verdict, tail)
    if verdict.problems:
        raise typer.Exit(EXIT_TAMPERED)


@app.command()
def export(
    config: ConfigOption,
    out: Annotated[Path, typer.Option(help="File to write: .csv, or .jsonl for one JSON object a line.")],
    actor: Annotated[str, typer.Option(help="Only what this user did.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, or a group as `alarm.`.")] = "",
    subject: Annotated[str, typer.Option(help="Only what was done to this, as `tank:binh-1`.")] = "",
    since: Annotated[str, typer.Option(help="From this local day on, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option(help="To the end of this local day, YYYY-MM-DD.")] = "",
    words: Annotated[str, typer.Option("--text", help="Only entries with these words.")] = "",
) -> None:
    """Write entries of the audit to a file, oldest first; the export itself is audited. / Xuất nhật ký.

    In a CSV file, text that a spreadsheet would take for a formula begins with an apostrophe.

    oxywatch admin audit export -c centre.toml --out audit.csv --since 2026-03-01 --action user.
    """
    from records.audit import Filter  # noqa: PLC0415

    settings = load(config)
    if out.suffix not in {".csv", ".jsonl"}:
        raise _refused(f"{out}: expected a name that ends with .csv or .jsonl")
    wanted = Filter(
        actor=actor or None,
        action=action or None,
        subject=subject or None,
        since_us=_day(since)[0] if since else None,
        until_us=_day(until)[1] if until else None,
        text=words or None,
    )
    with progress_bar() as say:
        count = run_to_end("admin", lambda stop: _export(settings, wanted, out, say, stop))
    typer.echo(f"entries: {count}")


async def _verify(
    settings: CentreSettings, known: Head | None, say: Say, stop: asyncio.Event
) -> tuple[Verdict, Tail | None]:
    from oxywatch.programs.opening import records  # noqa: PLC0415
    from records import audit  # noqa: PLC0415

    async with records(settings, stop) as database, database.read() as tx:
        verdict = await audit.verify(
            tx, known_head=known, progress=lambda done, total: say("blocks", done, total)
        )
        return verdict, await audit.overdue_tail(tx, now_us())


async def _export(settings: CentreSettings, wanted: Filter, out: Path, say: Say, stop: asyncio.Event) -> int:
    from oxywatch.programs.opening import records  # noqa: PLC0415
    from records import audit  # noqa: PLC0415

    async with records(settings, stop) as database:
        async with database.write() as tx:
            detail = {**msgspec.structs.asdict(wanted), "file": out.name}
            await audit.record(
                tx, at_us=now_us(), actor=ACTOR, action="audit.export", subject="audit", detail=detail
            )
        done = 0
        with _private(out) as file:
            write = _csv_writer(file) if out.suffix == ".csv" else _json_writer(file)
            async with database.read() as tx:
                total = await audit.count(tx, wanted)
                async for entry in audit.export(tx, wanted):
                    write(entry)
                    done += 1
                    say("entries", done, total)
        return done


def _private(out: Path) -> IO[str]:
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _refused(f"{out}: {error.strerror}") from error
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")


def _json_writer(file: IO[str]) -> Callable[[AuditEntry], None]:
    def write(entry: AuditEntry) -> None:
        file.write(msgspec.json.encode(entry).decode() + "\n")

    return write


def _csv_writer(file: IO[str]) -> Callable[[AuditEntry], None]:
    file.write("\ufeff")  # without it, spreadsheets take Vietnamese letters for another alphabet's
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)

    def write(entry: AuditEntry) -> None:
        values = msgspec.structs.asdict(entry) | {"at": from_us(entry.at_us).isoformat()}
        writer.writerow([_cell(values[name]) for name in _COLUMNS])

    return write


def _cell(value: Any) -> str:
    if value is None:
        return ""
    shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
    return f"'{shown}" if isinstance(value, str) and shown.startswith(_FORMULA_STARTS) else shown


def _show(verdict: Verdict, tail: Tail | None) -> None:
    for problem in verdict.problems[:_SHOWN]:
        place = ", ".join(
            f"{name} {value}" for name, value in (("block", problem.block), ("row", problem.row)) if value
        )
        for locale in ("en", "vi"):
            typer.echo(f"{place}: {text(f'audit_problem.{problem.kind}', locale)}")
    if len(verdict.problems) > _SHOWN:
        typer.echo(f"… {len(verdict.problems) - _SHOWN}")
    if tail is not None:
        typer.echo(f"not sealed for more than a minute: {tail.rows} rows, since {from_us(tail.oldest_us)}")
    typer.echo(f"blocks: {verdict.blocks}, rows: {verdict.rows}, not sealed yet: {verdict.unsealed}")
    if verdict.head is not None:
        typer.echo(f"head: {verdict.head.block}:{verdict.head.hash}")
    typer.echo(f"problems: {len(verdict.problems)}")


def _head(given: str) -> Head | None:
    from records.audit import Head  # noqa: PLC0415

    if not given:
        return None
    block, _, digest = given.partition(":")
    if not block.isdigit() or not digest:
        raise _refused(f"--head {given}: expected BLOCK:HASH")
    return Head(int(block), digest.strip().lower())


def _day(given: str) -> tuple[int, int]:
    try:
        return day_bounds_us(date.fromisoformat(given))
    except ValueError as error:
        raise _refused(f"{given}: expected a day as 2026-03-01") from error


def _refused(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(EXIT_BAD_CONFIGURATION)
