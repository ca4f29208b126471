"""`oxywatch admin`: an installation without `oxywatch run` gets its schema, administrator and trial."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from records import identity
from records.database import Database

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings over files in a folder."""
    path = tmp_path / "centre.toml"
    path.write_text(
        f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite"\n'
        f'[telemetry]\nkind = "embedded"\npath = "{tmp_path}/telemetry.sqlite"\n',
        encoding="utf-8",
    )
    return path


def admin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    command = [sys.executable, "-m", "oxywatch", "admin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def signs_in(folder: Path, password: str) -> bool:
    """Tell whether the password opens a session for `admin`."""
    database = Database(f"sqlite:///{folder / 'records.sqlite'}")
    try:
        async with database.write() as tx:
            session = await identity.sign_in(tx, "admin", password, now_us=NOW_US, lifetime_s=60, address="")
            return session is not None
    finally:
        await database.close()


async def test_the_first_administrator_has_the_password_of_the_file_until_it_is_changed(
    tmp_path: Path, settings: Path
) -> None:
    """A new file renews a password that nobody used; one that was chosen stays."""
    file = tmp_path / "password"
    for password in ("the-first-one-made", "a-second-one-made"):
        file.write_text(password + "\n", encoding="utf-8")
        assert admin("prepare", "-c", settings, "--password-file", file).returncode == 0
        assert await signs_in(tmp_path, password)
    assert not await signs_in(tmp_path, "the-first-one-made")
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    async with database.write() as tx:
        await identity.change_password(tx, 1, "a-second-one-made", "my own long password", now_us=NOW_US)
    await database.close()
    assert "already there" in admin("prepare", "-c", settings, "--password-file", file).stdout
    assert await signs_in(tmp_path, "my own long password")


@pytest.mark.parametrize("content", [None, "", "\nsecond line"])
def test_without_a_password_nothing_is_prepared(tmp_path: Path, settings: Path, content: str | None) -> None:
    """No default steps in."""
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    done = admin("prepare", "-c", settings, "--password-file", file)
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "records.sqlite").exists()


def test_the_simulated_hospitals_are_registered_once(tmp_path: Path, settings: Path) -> None:
    """A second call leaves what was changed meanwhile."""
    for _ in range(2):
        assert admin("demo", "-c", settings).returncode == 0
    with sqlite3.connect(tmp_path / "records.sqlite") as connection:
        tables = ("facility", "gateway", "tank", "contact")
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
        accounts = connection.execute("SELECT count(*) FROM account").fetchone()[0]
    assert counts == [4, 4, 6, 1]
    assert accounts == 0
