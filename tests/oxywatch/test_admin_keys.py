"""`oxywatch admin keys` and `accounts`: what a person at the console gets."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from typer.testing import CliRunner

from oxywatch.admin import accounts, keys
from records import identity, personal, registry
from records.database import Transaction
from records.key_file import read_key_file
from records.registry import Facility
from tests.records import samples
from tests.records.keys import with_keys

T = TypeVar("T")
PASSWORD = "bồn oxy số một"


class Console:
    """A settings file in a folder of its own, and the commands run with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key_file = folder / "keys.toml"
        self.backup = folder / "elsewhere" / "keys.toml"
        self.settings = folder / "centre.toml"
        self.configure(f'key_file = "{self.key_file}"\nkey_backup_file = "{self.backup}"\n')

    def configure(self, lines: str) -> None:
        url = f"sqlite:///{self.folder / 'records.sqlite'}"
        telemetry = f'[telemetry]\nkind = "embedded"\npath = "{self.folder / "telemetry.sqlite"}"\n'
        self.settings.write_text(f'[records]\nurl = "{url}"\n{lines}{telemetry}', encoding="utf-8")

    def run(self, *arguments: str, accounts_too: bool = False) -> tuple[int, str]:
        app = accounts.app if accounts_too else keys.app
        command, *rest = arguments
        done = CliRunner().invoke(app, [command, "-c", str(self.settings), *rest])
        return done.exit_code, done.output

    def write(self, change: Callable[[Transaction], Awaitable[T]]) -> T:
        async def work() -> T:
            database = with_keys(f"sqlite:///{self.folder / 'records.sqlite'}", self.key_file)
            await database.migrate()
            try:
                async with database.write() as tx:
                    return await change(tx)
            finally:
                await database.close()

        return asyncio.run(work())

    def put_facility(self, code: str = "f", phone: str = "0901234567") -> Facility:
        facility = msgspec.structs.replace(samples.FACILITY, code=code, officer_phone=phone)
        return self.write(lambda tx: registry.put_facility(tx, facility, actor="lan", now_us=1))

    def phone_of(self, facility: Facility) -> tuple[str | None, str]:
        sealed = [personal.Sealed("facility.officer_phone", facility.officer_phone)]
        (opened,) = self.write(lambda tx: personal.open_sealed(tx, sealed))
        return opened.text, opened.reason


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


def test_keys_are_made_with_their_copy_for_the_owner_alone_and_never_twice(console: Console) -> None:
    assert console.run("init") == (0, f"key file: {console.key_file}\nits copy: {console.backup}\n")
    assert read_key_file(console.key_file) == read_key_file(console.backup)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (console.key_file, console.backup)}
    assert modes == {0o600}
    before = console.key_file.read_bytes()

    code, output = console.run("init")
    assert code == 3
    assert "is there already" in output
    assert console.key_file.read_bytes() == before
    assert console.run("check") == (0, "keys: in order\n")


def test_the_file_may_be_named_by_the_environment_and_must_be_named(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.configure("")
    code, output = console.run("init")
    assert (code, "OXYWATCH_KEY_FILE" in output) == (2, True)
    monkeypatch.setenv("OXYWATCH_KEY_FILE", str(console.key_file))
    assert console.run("init")[0] == 0
    assert console.key_file.exists()


def test_rotating_and_forgetting_keep_every_number_readable(console: Console) -> None:
    console.run("init")
    stored = console.put_facility()
    old = read_key_file(console.key_file).current.id

    assert console.run("forget", old)[0] == 3
    code, output = console.run("rotate")
    assert (code, "keys wrapped: 1" in output) == (0, True)
    assert console.run("forget", old)[0] == 0
    assert console.run("check") == (0, "keys: in order\n")
    assert console.phone_of(stored) == ("0901234567", "ok")


def test_the_check_ends_with_1_and_says_in_words_or_json_what_is_wrong(console: Console) -> None:
    console.run("init")
    console.put_facility()
    console.backup.unlink()
    code, output = console.run("check")
    assert (code, output) == (1, f"The key file {console.backup} is not there.\n")
    code, output = console.run("check", "--json")
    assert code == 1
    assert [finding["code"] for finding in json.loads(output)] == ["key_file_missing"]


def test_erasures_are_written_and_done_again(console: Console, tmp_path: Path) -> None:
    console.run("init")
    stored = console.put_facility()
    kept = (console.folder / "records.sqlite").read_bytes()
    number = int(stored.officer_phone.split(":")[2])
    console.write(lambda tx: personal.erase(tx, number, actor="lan", reason="asked", now_us=5))
    code, listed = console.run("erasures")
    assert code == 0
    (console.folder / "records.sqlite").write_bytes(kept)  # an old backup comes back
    assert console.phone_of(stored) == ("0901234567", "ok")

    file = tmp_path / "erasures.jsonl"
    file.write_text(listed, encoding="utf-8")
    assert console.run("erasures", "--apply", str(file)) == (0, "erased again: 1\n")
    assert console.phone_of(stored) == (None, "erased")


def test_numbers_of_before_are_encrypted(console: Console) -> None:
    console.run("init")
    assert console.run("encrypt") == (0, "encrypted: 0\n")


def test_a_lost_authenticator_is_taken_away_and_an_owner_erased_from_the_console(console: Console) -> None:
    console.run("init")
    number = console.write(
        lambda tx: identity.create_user(tx, username="lan", password=PASSWORD, actor="admin", now_us=1)
    ).id
    assert console.run("reset-second-factor", "LAN", accounts_too=True) == (
        0,
        "second factor of LAN: taken away\n",
    )
    assert console.run("reset-second-factor", "minh", accounts_too=True)[0] == 3
    assert console.run("erase", "lan", "--reason", "left", accounts_too=True)[0] == 0
    assert not next(user for user in console.write(identity.users) if user.id == number).active
