"""The file of a backup: complete, undamaged and opened by its own key, or refused before anything happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from jobs.backup.archive import FORMAT, ArchiveWriter, Manifest, check, members
from jobs.backup.encryption import MAGIC, PIECE_BYTES, Secret, read_secret
from oxygen.errors import OxyWatchError, Permanent, Rejected
from records.backup import DumpShape

DATA = {"records/a/000000.jsonl": os.urandom(2 * PIECE_BYTES), "records/a/000001.jsonl": b"[1]\n", "x": b""}
MiB = 1024 * 1024


@pytest.fixture
def passphrase(tmp_path: Path) -> Secret:
    file = tmp_path / "passphrase"
    file.write_text("mật khẩu rất dài\nsecond line\n", encoding="utf-8")
    secret = read_secret(file, None)
    assert secret is not None
    return secret


@pytest.fixture
def key(tmp_path: Path) -> Secret:
    file = tmp_path / "key"
    file.write_bytes(os.urandom(32))
    secret = read_secret(None, file)
    assert secret is not None
    return secret


@pytest.fixture(params=["plain", "passphrase", "key"])
def secret(request: pytest.FixtureRequest) -> Secret | None:
    if request.param == "plain":
        return None
    found: Secret = request.getfixturevalue(request.param)
    return found


def write(path: Path, secret: Secret | None) -> Manifest:
    archive = ArchiveWriter(path, secret)
    for name, data in DATA.items():
        archive.add(name, data)
    manifest = Manifest(FORMAT, "1.0", 1, 2, DumpShape("0001", [], {}), None, archive.members)
    archive.finish(manifest)
    return manifest


def test_what_was_written_is_read_again(tmp_path: Path, secret: Secret | None) -> None:
    path = tmp_path / "b.backup"
    manifest = write(path, secret)
    assert check(path, secret) == manifest
    assert {name: data for name, data in members(path, secret) if name != "manifest.json"} == DATA
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.glob("*.part")] == []


def test_an_encrypted_backup_shows_nothing_of_what_it_holds(tmp_path: Path, key: Secret) -> None:
    path = tmp_path / "b.backup"
    write(path, key)
    assert b"records" not in path.read_bytes()


def test_an_encrypted_backup_opens_by_the_description_of_its_format(
    tmp_path: Path, passphrase: Secret
) -> None:
    path = tmp_path / "b.backup"
    write(path, passphrase)
    file = path.read_bytes()
    header, body = file[:43], file[43:]
    assert header[:18] == MAGIC == b"OXYWATCH-BACKUP-1\n"
    assert header[18] == 1
    derived = Scrypt(salt=header[20:36], length=32, n=2 ** header[19], r=8, p=1)
    cipher = AESGCM(derived.derive("mật khẩu rất dài".encode()))
    pieces = [body[i : i + MiB + 16] for i in range(0, len(body), MiB + 16)]
    plain = b"".join(
        cipher.decrypt(header[36:43] + i.to_bytes(4, "big") + bytes([i == len(pieces) - 1]), piece, header)
        for i, piece in enumerate(pieces)
    )
    (tmp_path / "plain.tar.gz").write_bytes(plain)
    assert len(check(tmp_path / "plain.tar.gz", None).members) == len(DATA)


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(file: bytes) -> bytes:
        place = at if at >= 0 else len(file) + at
        return file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]

    return change


SPOILT: list[Callable[[bytes], bytes]] = [
    flip(0),
    flip(30),
    flip(5000),
    flip(MiB + 5000),
    lambda file: file[: len(file) // 2],
    lambda file: file[:43],
    lambda file: b"",
    # Pieces change places, one is left out, the last one is left out.
    lambda file: file[:43] + file[43 + MiB + 16 : 43 + 2 * (MiB + 16)] + file[43 : 43 + MiB + 16],
    lambda file: file[:43] + file[43 + MiB + 16 :],
    lambda file: file[: 43 + 2 * (MiB + 16)],
]


@pytest.mark.parametrize("spoil", range(len(SPOILT)))
def test_a_damaged_backup_is_refused(tmp_path: Path, secret: Secret | None, spoil: int) -> None:
    path = tmp_path / "b.backup"
    write(path, secret)
    path.write_bytes(SPOILT[spoil](path.read_bytes()))
    with pytest.raises(Rejected) as caught:
        check(path, secret)
    assert caught.value.code in {"backup_unreadable", "backup_damaged", "backup_wrong_key"}


def test_a_member_that_the_manifest_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.backup"
    archive = ArchiveWriter(path, None)
    archive.add("records/a/0", b"[1]\n")
    manifest = Manifest(FORMAT, "", 1, 2, DumpShape("0001", [], {}), None, list(archive.members))
    archive.add("records/a/1", b"[2]\n")
    archive.finish(manifest)
    with pytest.raises(Rejected) as caught:
        check(path, None)
    assert (caught.value.code, caught.value.params["detail"]) == ("backup_damaged", "records/a/1")


def test_the_wrong_key_and_no_key_are_told_apart(tmp_path: Path, key: Secret, passphrase: Secret) -> None:
    path = tmp_path / "b.backup"
    write(path, key)
    other = tmp_path / "other"
    other.write_bytes(os.urandom(32))
    codes = []
    for given in (None, passphrase, read_secret(None, other)):
        with pytest.raises(Rejected) as caught:
            check(path, given)
        codes.append(caught.value.code)
    assert codes == ["backup_key_needed", "backup_wrong_key", "backup_wrong_key"]


@pytest.mark.parametrize("contents", [b"", b"short\n", b"\nsecond line is not it at all\n"])
def test_a_weak_or_missing_secret_is_refused(tmp_path: Path, contents: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(contents)
    for given in ((file, None), (None, file), (tmp_path / "missing", None)):
        with pytest.raises(Permanent) as caught:
            read_secret(*given)
        assert caught.value.code == "backup_key_file"


def test_nothing_is_overwritten_and_an_abandoned_backup_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.backup"
    path.write_bytes(b"precious")
    with pytest.raises(Rejected) as caught:
        ArchiveWriter(path, None)
    assert caught.value.code == "backup_exists"
    assert path.read_bytes() == b"precious"
    archive = ArchiveWriter(tmp_path / "c.backup", None)
    archive.add("a", b"b")
    archive.abandon()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.backup"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OxyWatchError) as caught:
        ArchiveWriter(tmp_path / "no such folder" / "b.backup", None)
    assert caught.value.code == "backup_write_failed"
