"""How long a backup and its restore take: one million rows of records, most of them status and audit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.report import Figure, Report, commit, figure, machine
from jobs.backup.encryption import read_secret
from jobs.backup.making import make_backup
from jobs.backup.restoring import restore_backup
from oxygen.units import US_PER_S
from records import audit, backup
from records.backup import DumpShape, TableShape
from records.database import Database

NAME = "restore"
START_US = 1_772_323_200_000_000
AUDIT_SHARE = 0.2
GOAL_RESTORE_S = 300.0
GOAL_BACKUP_S = 300.0
_ROWS_PER_PIECE = 5000

Line = list[Any]


class Timings(NamedTuple):
    """Seconds, and the size of the file."""

    backup_s: float
    restore_s: float
    verify_s: float
    bytes: int


async def measure(rows: int, target_url: str | None = None) -> Report:
    """Fill records, back them up encrypted, restore them into an empty database, and verify the audit.

    Args:
        rows: How many.
        target_url: An empty database to restore into, as of `RecordsSettings.url`; a SQLite file of its own
            when it is left out.
    """
    with tempfile.TemporaryDirectory(prefix="oxywatch-bench-") as name:
        folder = Path(name)
        source = f"sqlite:///{folder}/source/records.sqlite"
        await _fill(source, rows)
        timings = await _run(source, target_url or f"sqlite:///{folder}/target/records.sqlite", folder)
    where = "postgresql" if target_url else "sqlite"
    details = {"rows": rows, "target": where, "file_mb": round(timings.bytes / 1e6, 1), "encrypted": True}
    return Report(NAME, commit(), machine(), _figures(timings), details)


def _figures(timings: Timings) -> list[Figure]:
    return [
        figure("backup of all rows", timings.backup_s, "s", GOAL_BACKUP_S, "lower"),
        figure("check and restore of all rows", timings.restore_s, "s", GOAL_RESTORE_S, "lower"),
        figure("verifying the audit again", timings.verify_s, "s", GOAL_RESTORE_S, "lower"),
    ]


async def _run(source: str, target: str, folder: Path) -> Timings:
    key = folder / "key"
    key.write_bytes(bytes(range(64)))
    secret = read_secret(None, key)
    database = Database(source)
    began = time.perf_counter()
    made = await make_backup(database, None, folder / "b.backup", secret, clock=_clock, actor="bench")
    backed_up = time.perf_counter()
    await database.close()
    await restore_backup(made.path, secret, target, None, replace=False, clock=_clock, actor="bench")
    restored = time.perf_counter()
    restored_database = Database(target)
    async with restored_database.read() as tx:
        verdict = await audit.verify(tx)
    verified = time.perf_counter()
    await restored_database.close()
    if verdict.problems:
        raise RuntimeError(f"the restored audit does not verify: {verdict.problems[:3]}")
    return Timings(backed_up - began, restored - backed_up, verified - restored, made.written.bytes)


def _clock() -> int:
    return time.time_ns() // 1000


async def _fill(url: str, rows: int) -> None:
    """Load made-up rows the way a restore does, then seal the audit as it goes on in life."""
    database = Database(url)
    await database.migrate()
    audited = int(rows * AUDIT_SHARE)
    async with database.read() as tx:
        shape = (await backup.open_dump(tx)).shape
    counts = {"audit": audited, "audit_unsealed": audited, "status": rows - audited}
    makers = {"audit": _audit_line, "audit_unsealed": _waiting_line, "status": _status_line}
    tables = [_with_rows(table, counts) for table in shape.tables]

    async def pieces() -> Any:
        for table, count in counts.items():
            columns = next(each.columns for each in tables if each.name == table)
            for data in _pieces(makers[table], columns, count):
                yield table, data

    filled = DumpShape(shape.revision, tables, {"audit": audited, "status": rows - audited})
    await backup.load_dump(url, filled, pieces(), replace=True)
    full = True
    while full:
        async with database.write() as tx:
            full = await audit.seal(tx, START_US) is not None
    await database.close()


def _with_rows(table: TableShape, counts: dict[str, int]) -> TableShape:
    return TableShape(table.name, table.columns, counts.get(table.name, 0))


def _pieces(maker: Any, columns: list[tuple[str, str]], count: int) -> Iterator[bytes]:
    names = [name for name, _ in columns]
    for first in range(1, count + 1, _ROWS_PER_PIECE):
        numbers = range(first, min(first + _ROWS_PER_PIECE, count + 1))
        lines = [[maker(number).get(name) for name in names] for number in numbers]
        yield msgspec.json.Encoder().encode_lines(lines)


def _audit_line(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "at_us": START_US + number * US_PER_S,
        "actor": f"user-{number % 400}",
        "action": "alarm.acknowledge",
        "subject": f"alarm:{number // 3}",
        "detail": '{"note":"đã gọi nhà cung cấp, hẹn giao trước 18 giờ"}',
        "address": "10.20.30.40",
    }


def _waiting_line(number: int) -> dict[str, Any]:
    return {"audit_id": number, "at_us": START_US + number * US_PER_S}


def _status_line(number: int) -> dict[str, Any]:
    t_us = START_US + number * US_PER_S
    body = {"v": 1, "t_us": t_us, "mass_kg": 8123.4 + number % 977, "draw_kg_per_h": 151.5}
    return {
        "id": number,
        "shard": "hcm",
        "subject": f"tank:t-{number % 2000}",
        "facility": f"bv-{number % 700}",
        "late": False,
        "written_us": t_us,
        "as_of_us": t_us,
        "band": "normal",
        "state": "ok",
        "quality": "good",
        "body": msgspec.json.encode(body).decode(),
        "lease_token": 0,
    }
