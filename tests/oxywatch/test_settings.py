"""The settings file: what is wrong is said with file, line and key, and the program does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oxygen.errors import BadConfiguration
from oxywatch.settings import load_settings

GOOD = """
[records]
url = "sqlite:///records.sqlite"

[telemetry]
kind = "embedded"
path = "telemetry.sqlite"

[broker]
port = 1884
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "centre.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    """Databases have to be named; the rest comes with defaults."""
    settings = load_settings(write(tmp_path, GOOD))

    assert settings.broker.port == 1884
    assert settings.ingest.shard == "hcm"


@pytest.mark.parametrize(
    ("added", "line", "key"),
    [
        ("[ingest]\nshrad = 'hcm'\n", 12, "ingest.shrad"),
        ("[api]\nport = 'eighty'\n", 12, "api.port"),
        ("[ingest]\nledger_every_s = 3600\n", 12, "ingest.ledger_every_s"),
        ("[weather]\nsunny = true\n", 11, "weather"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, added: str, line: int, key: str) -> None:
    """Nothing unknown or impossible is passed over."""
    path = write(tmp_path, GOOD + added)

    with pytest.raises(BadConfiguration) as caught:
        load_settings(path)

    assert (caught.value.file, caught.value.line, caught.value.key) == (str(path), line, key)


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    """Records have no default: a forgotten table must not become a new empty database."""
    with pytest.raises(BadConfiguration, match="records"):
        load_settings(write(tmp_path, "[telemetry]\nkind = 'embedded'\npath = 't.sqlite'\n"))


def test_a_program_with_a_bad_file_exits_with_2_and_no_traceback(tmp_path: Path) -> None:
    """Supervisors take exit code 2 for a reason not to start it again."""
    path = write(tmp_path, GOOD + "[ingest]\nshrad = 'hcm'\n")

    ended = subprocess.run(
        [sys.executable, "-m", "oxywatch", "ingest", "--config", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert f"{path}:12: ingest.shrad" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_secret_that_is_not_there_is_named_and_final(tmp_path: Path) -> None:
    """A missing file of a password is a mistake in the settings, not a fault to be tried again for ever."""
    url = 'url = "postgresql://oxywatch@127.0.0.1:1/oxywatch"\npassword_file = "/nowhere/password"\n'
    path = write(tmp_path, GOOD.replace('url = "sqlite:///records.sqlite"\n', url))

    ended = subprocess.run(
        [sys.executable, "-m", "oxywatch", "ingest", "--config", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "records.password_file" in ended.stderr
    assert "Traceback" not in ended.stderr
