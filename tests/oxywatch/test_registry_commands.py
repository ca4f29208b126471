"""The commands around units and the registry's spreadsheets, as an administrator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from oxywatch.admin import registry as registry_commands
from oxywatch.admin import units as unit_commands
from records.database import Database

app = typer.Typer(pretty_exceptions_enable=False)
app.add_typer(unit_commands.app, name="units")
app.add_typer(registry_commands.app, name="registry")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with empty records and `centre.toml`."""

    async def migrate() -> None:
        database = Database(f"sqlite:///{tmp_path}/records.sqlite")
        await database.migrate()
        await database.close()

    (tmp_path / "centre.toml").write_text(
        f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n'
        f'[telemetry]\nkind = "embedded"\npath = "{tmp_path}/telemetry.sqlite"\n'
    )
    asyncio.run(migrate())
    return tmp_path


def run(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(site / "centre.toml")])


def test_units_are_loaded_by_command_and_again(site: Path) -> None:
    first = run(site, "units", "load-2021", "--json")
    today = run(site, "units", "load-2025", "--json")
    again = run(site, "units", "load-2021")

    assert json.loads(first.stdout) == {"added": 11_367, "changed": 0, "unchanged": 0, "closed": 0}
    assert json.loads(today.stdout)["added"] == 24
    assert again.stdout == "units: 0 added, 0 changed (0 ended), 11391 as they were\n"


def test_a_wrong_file_of_units_is_told_in_both_languages_and_stored_not_at_all(site: Path) -> None:
    file = site / "wards.csv"
    file.write_text("code;level;kind;name_vi\n1;ward;xa;\n", encoding="utf-8")
    done = run(site, "units", "import", str(file), "--valid-from", "2025-07-01")

    assert done.exit_code == 2
    assert "wards.csv:2: name_vi: Ô này không được để trống." in done.stderr
    assert "wards.csv:2: name_vi: This cell must not be empty." in done.stderr


def test_a_file_is_tried_then_stored_and_comes_out_again(site: Path) -> None:
    file, out = site / "facility.csv", site / "registry.xlsx"
    file.write_text("code;name_vi;shard\nbv-a;Bệnh viện A;hcm\n", encoding="utf-8")
    tried = run(site, "registry", "import", str(file))
    stored = run(site, "registry", "import", str(file), "--apply")
    written = run(site, "registry", "export", str(out))
    back = run(site, "registry", "import", str(out), "--json")

    assert tried.stdout == "1 add, 0 change, 0 same; 0 problems; nothing stored\n"
    assert stored.stdout == "1 add, 0 change, 0 same; 0 problems; stored\n"
    assert written.exit_code == 0
    assert [change["action"] for change in json.loads(back.stdout)["changes"]] == ["same"]


def test_what_is_wrong_is_told_by_place_and_ends_with_1(site: Path) -> None:
    file = site / "facility.csv"
    file.write_text("code;name_vi;shard;icu_beds\nbv-a;Bệnh viện A;hcm;12,5\n", encoding="utf-8")
    done = run(site, "registry", "import", str(file), "--apply", "--locale", "en")

    assert done.exit_code == 1
    assert done.stderr == "facility:2:icu_beds: “12,5” is no whole number.\n"
    assert done.stdout == "0 add, 0 change, 0 same; 1 problems; nothing stored\n"


def test_the_template_needs_no_installation(tmp_path: Path) -> None:
    for name in ("registry.xlsx", "tank.csv"):
        done = CliRunner().invoke(app, ["registry", "template", str(tmp_path / name)])
        assert (done.exit_code, (tmp_path / name).stat().st_size > 500) == (0, True)
