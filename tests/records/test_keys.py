"""The master keys: rotated while everything runs, kept for their owner alone, and checked."""

from __future__ import annotations

import asyncio
import shutil
import signal
import stat
import sys
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from oxygen.errors import Permanent, Rejected
from oxygen.messages import LOCALES, catalogue
from records import personal
from records.database import Database
from records.key_file import create_key_file, new_key_file, new_master, read_key_file, replace_key_file
from records.personal import Sealed, sealing
from tests.records.keys import PHONE, make_keys, opened, sealed_phone, with_keys


async def persons(database: Database, count: int) -> list[Sealed]:
    return [
        await sealed_phone(database, f"facility:f{number}", f"+8490{number:07d}") for number in range(count)
    ]


async def test_a_rotation_wraps_every_key_anew_while_a_program_goes_on(
    keyed: Database, key_file: Path, url: str, tmp_path: Path
) -> None:
    backup = tmp_path / "copy.toml"
    shutil.copy(key_file, backup)
    running = with_keys(url, key_file)
    phones = await persons(running, 7)
    old = read_key_file(key_file).current.id
    steps: list[tuple[int, int]] = []

    done = await personal.rotate(
        keyed,
        key_file,
        backup=backup,
        actor="console",
        clock=lambda: 50,
        progress=lambda count, total: steps.append((count, total)),
        batch=3,
    )
    later = await sealed_phone(running, "facility:later")
    async with keyed.read() as tx:
        masters = {row["master"] for row in await tx.rows(text("SELECT master FROM person_key"))}
        assert await personal.check_keys(tx, key_file, backup) == []
    texts = await opened(running, *phones, later)
    await running.close()

    assert (done.rewrapped, done.unreadable) == (7, 0)
    assert steps == [(0, 0), (0, 7), (3, 7), (6, 7), (7, 7)]
    assert masters == {done.master} != {old}
    assert [one for one, _ in texts] == [f"+8490{number:07d}" for number in range(7)] + [PHONE]
    assert [master.id for master in read_key_file(key_file).masters] == [old, done.master]
    assert read_key_file(backup) == read_key_file(key_file)


async def test_a_rotation_that_was_killed_goes_on_with_the_same_master(
    keyed: Database, key_file: Path, url: str
) -> None:
    phones = await persons(keyed, 30)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.records.rotating_process", url, str(key_file),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"half\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    masters = [master.id for master in read_key_file(key_file).masters]
    async with keyed.read() as tx:
        rows = await tx.rows(text("SELECT master FROM person_key"))
    left = [row["master"] for row in rows].count(masters[0])

    done = await personal.rotate(keyed, key_file, backup=None, actor="console", clock=lambda: 60)

    assert len(masters) == 2
    assert 0 < left < 30
    assert (done.master, done.rewrapped) == (masters[1], left)
    assert [reason for _, reason in await opened(keyed, *phones)] == ["ok"] * 30
    assert [master.id for master in read_key_file(key_file).masters] == masters


async def test_a_rotation_does_not_begin_without_its_backup(
    keyed: Database, key_file: Path, tmp_path: Path
) -> None:
    before = read_key_file(key_file)
    for backup in (tmp_path / "gone.toml", make_keys(tmp_path, "another.toml")):
        with pytest.raises(Permanent):
            await personal.rotate(keyed, key_file, backup=backup, actor="console", clock=lambda: 60)
    assert read_key_file(key_file) == before


async def test_a_key_that_cannot_be_read_is_counted_and_left_and_holds_nothing_up(
    keyed: Database, key_file: Path
) -> None:
    phones = await persons(keyed, 3)
    async with keyed.write() as tx:
        await tx.execute(text("UPDATE person_key SET wrapped = 'AAAA' WHERE person_id = 2"))

    for _ in range(2):
        done = await personal.rotate(keyed, key_file, backup=None, actor="console", clock=lambda: 60)
        assert (done.rewrapped, done.unreadable) == (2, 1)
    assert [reason for _, reason in await opened(keyed, *phones)] == ["ok", "damaged", "ok"]


async def test_an_old_master_is_forgotten_only_when_it_wraps_nothing(keyed: Database, key_file: Path) -> None:
    phones = await persons(keyed, 2)
    old = read_key_file(key_file).current.id

    async def forget() -> None:
        async with keyed.write() as tx:
            await personal.forget_master(tx, key_file, old, backup=None, actor="console", now_us=70)

    with pytest.raises(Rejected) as caught:
        await forget()
    assert caught.value.code == "master_in_use"
    await personal.rotate(keyed, key_file, backup=None, actor="console", clock=lambda: 60)
    await forget()

    assert old not in [master.id for master in read_key_file(key_file).masters]
    assert [reason for _, reason in await opened(keyed, *phones)] == ["ok", "ok"]


# The file and its checks


def test_a_key_file_is_for_its_owner_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = make_keys(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(Rejected) as caught:
        create_key_file(path, new_key_file(2))
    assert caught.value.code == "key_file_exists"
    assert path.read_bytes() == before
    replace_key_file(path, new_key_file(3))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys.toml"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("format = 1", "format = 2"),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("[[master]]", "[[other]]"),
        lambda text: text.replace('secret = "', 'secret = "!'),
        lambda text: "",
    ],
)
def test_a_damaged_key_file_is_refused_without_quoting_a_secret(tmp_path: Path, spoil: object) -> None:
    path = make_keys(tmp_path)
    good = path.read_text()
    secrets = [line.split('"')[1] for line in good.splitlines() if line.startswith(("secret", "index"))]
    assert callable(spoil)
    path.write_text(spoil(good))
    with pytest.raises(Permanent) as caught:
        read_key_file(path)
    assert caught.value.code == "bad_key_file"
    assert not any(secret[:12] in str(caught.value) + repr(caught.value.params) for secret in secrets)


def test_neither_keys_nor_secrets_show_when_printed() -> None:
    keys = new_key_file(1)
    shown = repr(keys) + repr(keys.current)
    assert keys.current.id in shown
    assert repr(keys.current.secret) not in shown
    assert repr(keys.index_secret) not in shown


async def codes(database: Database, path: Path | None, backup: Path | None) -> list[str]:
    async with database.read() as tx:
        found = await personal.check_keys(tx, path, backup)
    for locale in LOCALES:
        assert all(f"keys.{one.code}" in catalogue(locale) for one in found)
    return [one.code for one in found]


async def test_the_check_tells_each_way_in_which_keys_can_be_wrong(
    keyed: Database, key_file: Path, tmp_path: Path
) -> None:
    await sealed_phone(keyed)
    copy = tmp_path / "copy.toml"
    shutil.copy(key_file, copy)
    copy.chmod(0o600)

    assert await codes(keyed, key_file, copy) == []
    assert await codes(keyed, None, None) == ["not_configured"]
    assert await codes(keyed, key_file, None) == ["no_backup"]
    assert await codes(keyed, key_file, tmp_path / "gone") == ["key_file_missing"]
    assert await codes(keyed, key_file, key_file) == ["backup_is_same_file"]
    key_file.chmod(0o640)
    assert await codes(keyed, key_file, copy) == ["open_to_others"]
    key_file.chmod(0o600)
    assert await codes(keyed, key_file, make_keys(tmp_path, "strange.toml")) == [
        "backup_differs",
        "master_missing",
    ]
    async with keyed.write() as tx:
        await tx.execute(text("UPDATE person_key SET wrapped = 'AAAA'"))
    assert await codes(keyed, key_file, copy) == ["does_not_open", "does_not_open"]


def test_a_wrapped_key_is_bound_to_its_person_and_master() -> None:
    first, second = new_master(1), new_master(2)
    key = sealing.new_key()
    wrapped = sealing.wrap(first, 7, key)
    renamed = msgspec.structs.replace(first, id="k-other")

    assert sealing.unwrap(first, 7, wrapped) == key
    assert sealing.unwrap(first, 8, wrapped) is None
    assert sealing.unwrap(second, 7, wrapped) is None
    assert sealing.unwrap(renamed, 7, wrapped) is None
