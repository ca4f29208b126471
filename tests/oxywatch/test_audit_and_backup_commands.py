"""The commands around audit and backups, as an administrator types them."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from oxywatch.admin import audit as audit_commands
from oxywatch.admin import backup as backup_commands
from records import audit
from records.database import Database
from telemetry import EmbeddedSettings, open_store
from telemetry.contract import RAW, Point

AT_US = 1_795_230_300_000_000  # 21 November 2026, 10:05 in Viet Nam

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(audit_commands.verify_audit)
app.add_typer(audit_commands.app, name="audit")
app.command()(backup_commands.backup)
app.command()(backup_commands.restore)
app.command()(backup_commands.prove_backup)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with records, a time series and `centre.toml`."""
    live = tmp_path / "live"
    live.mkdir()
    (tmp_path / "centre.toml").write_text(
        f'[records]\nurl = "sqlite:///{live}/records.sqlite"\n'
        f'[telemetry]\nkind = "embedded"\npath = "{live}/telemetry.sqlite"\n'
    )
    (tmp_path / "passphrase").write_text("a long enough phrase\n")
    asyncio.run(_fill(live))
    return tmp_path


async def _fill(live: Path) -> None:
    database = Database(f"sqlite:///{live}/records.sqlite")
    await database.migrate()
    async with database.write() as tx:
        for number in range(5):
            await audit.record(
                tx,
                at_us=AT_US + number,
                actor="lan",
                action="tank.put" if number else "user.sign_in",
                subject=f"tank:t-{number}",
                reason="=1+1" if number == 2 else None,
            )
        await audit.seal(tx, AT_US)
    await database.close()
    store = open_store(EmbeddedSettings(path=live / "telemetry.sqlite"))
    await store.write([Point(RAW, (("subject", "tank:t-1"),), AT_US, {"dp_pa": 1.5})])
    await store.close()


def run(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(site / "centre.toml")])


def change(site: Path, *statements: str) -> None:
    async def work() -> None:
        database = Database(f"sqlite:///{site}/live/records.sqlite")
        async with database.write() as tx:
            for statement in statements:
                await tx.execute(text(statement))
        await database.close()

    asyncio.run(work())


def test_an_untouched_audit_verifies_with_exit_code_0(site: Path) -> None:
    answer = run(site, "verify-audit", "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (found["blocks"], found["rows"], found["unsealed"], found["problems"]) == (1, 5, 0, [])
    block, digest = found["head"]
    assert run(site, "verify-audit", "--head", f"{block}:{digest}").exit_code == 0
    assert run(site, "verify-audit", "--head", f"{block + 1}:{digest}").exit_code == 1


def test_tampering_ends_with_1_and_names_block_and_row(site: Path) -> None:
    change(site, "DROP TRIGGER audit_no_update", "UPDATE audit SET actor = 'minh' WHERE id = 3")
    told = run(site, "verify-audit")
    found = run(site, "verify-audit", "--json")
    assert told.exit_code == found.exit_code == 1
    assert "block 1, row 3: this row was edited" in told.stdout
    assert "dòng này đã bị sửa" in told.stdout
    assert json.loads(found.stdout)["problems"] == [{"kind": "edited_row", "block": 1, "row": 3}]


def test_a_head_that_is_none_is_refused(site: Path) -> None:
    assert run(site, "verify-audit", "--head", "abc").exit_code == 2


def test_an_export_is_filtered_private_safe_in_a_spreadsheet_and_audited(site: Path) -> None:
    out = site / "audit.csv"
    answer = run(site, "audit", "export", "--out", str(out), "--action", "tank.", "--since", "2026-11-21")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert answer.exit_code == 0
    assert "entries: 4" in answer.stdout
    assert [row["subject"] for row in rows] == [f"tank:t-{number}" for number in (1, 2, 3, 4)]
    assert rows[0]["at"].startswith("2026-11-21T03:05:00")
    assert rows[1]["reason"] == "'=1+1"
    assert out.stat().st_mode & 0o777 == 0o600
    assert run(site, "audit", "export", "--out", str(out)).exit_code == 2

    lines = site / "audit.jsonl"
    run(site, "audit", "export", "--out", str(lines))
    entries = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [entry["action"] for entry in entries][-2:] == ["audit.export", "audit.export"]
    assert entries[2]["reason"] == "=1+1"
    assert run(site, "audit", "export", "--out", str(site / "a.txt")).exit_code == 2
    assert run(site, "audit", "export", "--out", str(site / "b.csv"), "--until", "soon").exit_code == 2


def test_everything_goes_and_comes_back_encrypted(site: Path) -> None:
    folder = site / "backups"
    folder.mkdir()
    phrase = ("--passphrase-file", str(site / "passphrase"))
    made = run(site, "backup", str(folder), *phrase, "--json")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout)
    proven = run(site, "prove-backup", facts["file"], *phrase, "--json")
    assert json.loads(proven.stdout)["audit_problems"] == 0
    shutil.rmtree(site / "live")

    without_key = run(site, "restore", facts["file"])
    back = run(site, "restore", facts["file"], *phrase)
    again = run(site, "restore", facts["file"], *phrase)
    told = run(site, "restore", facts["file"], *phrase, "--replace")

    assert without_key.exit_code == 3
    assert "is encrypted" in without_key.stderr
    assert "đã mã hóa" in without_key.stderr
    assert back.exit_code == 0, back.output
    assert again.exit_code == 3
    assert "chỉ thay thế khi" in again.stderr
    assert told.exit_code == 0
    assert run(site, "verify-audit").exit_code == 0
    assert (site / "live" / "telemetry.sqlite").exists()


def test_a_restore_tells_that_the_audit_in_the_backup_was_tampered_with(site: Path) -> None:
    change(site, "DROP TRIGGER audit_no_update", "UPDATE audit SET actor = 'minh' WHERE id = 3")
    file = site / "b.backup"
    assert run(site, "backup", str(file)).exit_code == 0
    answer = run(site, "restore", str(file), "--replace", "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["audit_problems"] == 1


def test_a_backup_is_refused_clearly_when_it_cannot_be_made(site: Path) -> None:
    (site / "b.backup").write_text("precious")
    for place in (site / "b.backup", site / "no folder" / "b.backup"):
        answer = run(site, "backup", str(place))
        assert answer.exit_code == 3
        assert str(place) in answer.stderr
    weak = site / "weak"
    weak.write_text("short\n")
    answer = run(site, "backup", str(site / "c.backup"), "--passphrase-file", str(weak))
    assert (answer.exit_code, (site / "c.backup").exists()) == (3, False)


def test_every_command_has_an_example_in_its_help() -> None:
    for name in ("verify-audit", "audit export", "backup", "restore", "prove-backup"):
        answer = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"})
        assert answer.exit_code == 0
        assert f"{name} " in answer.stdout.replace("oxywatch admin ", "")
