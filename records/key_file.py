"""The file of master keys: what it holds, and how it is written so that no other user ever reads it.

    format = 1
    index = "…"            # base64, 32 bytes: what blind indexes are derived from; never changes

    [[master]]             # oldest first; the last one wraps new keys
    id = "k-5f0c1d2e"
    secret = "…"           # base64, 32 bytes
    created_us = 1790000000000000

Personal data are lost with this file and nothing else is, so a copy belongs apart from the database and from
its backups.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from oxygen.errors import Permanent, Rejected

KEY_BYTES = 32
FORMAT = 1
_HEADER = "# Master keys of personal data. Keep a copy apart from the database and its backups.\n"


class Master(msgspec.Struct, frozen=True):
    """A key that wraps the keys of persons."""

    id: str
    secret: bytes
    created_us: int

    def __repr__(self) -> str:
        return f"Master({self.id})"


class KeyFile(msgspec.Struct, frozen=True):
    """What the file holds: at least one master, oldest first, and the secret of the blind indexes."""

    masters: tuple[Master, ...]
    index_secret: bytes

    @property
    def current(self) -> Master:
        """The master that wraps new keys."""
        return self.masters[-1]

    def master(self, master_id: str) -> Master | None:
        """Return a master by id, or None."""
        return next((master for master in self.masters if master.id == master_id), None)

    def __repr__(self) -> str:
        return f"KeyFile({[master.id for master in self.masters]})"


class _MasterTable(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    secret: str
    created_us: int


class _Layout(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    index: str
    master: list[_MasterTable]


def new_master(now_us: int) -> Master:
    """Return a fresh master."""
    return Master(f"k-{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES), now_us)


def new_key_file(now_us: int) -> KeyFile:
    """Return the contents of a first file."""
    return KeyFile((new_master(now_us),), secrets.token_bytes(KEY_BYTES))


def read_key_file(path: Path) -> KeyFile:
    """Return what the file holds; errors never quote its contents.

    Raises Permanent `key_file_missing` when there is none (or it may not be read), `bad_key_file` when it is
    not one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Permanent(f"there is no key file {path}", code="key_file_missing", path=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, type(error).__name__) from error
    try:
        layout = msgspec.convert(tomllib.loads(text), _Layout)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise _bad(path, str(error)) from error
    return _checked(path, layout)


def create_key_file(path: Path, keys: KeyFile) -> None:
    """Write a file that must not exist yet, for its owner alone.

    Raises Rejected `key_file_exists`: overwriting it would destroy every personal field; Permanent when the
    folder cannot be written.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise Rejected(
                f"the key file {path} is there already", code="key_file_exists", path=str(path)
            ) from error
        _fill(number, keys)
        _sync_folder(path.parent)


def replace_key_file(path: Path, keys: KeyFile) -> None:
    """Replace a file in one step: whoever reads meanwhile, or after a crash, finds the old or the new one."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with _writing(path):
        try:
            _fill(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), keys)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def open_to_others(path: Path) -> bool:
    """Tell whether others than the owner may read or write the file; always False on Windows."""
    return os.name != "nt" and bool(path.stat().st_mode & 0o077)


def _checked(path: Path, layout: _Layout) -> KeyFile:
    if layout.format != FORMAT:
        raise _bad(path, f"format {layout.format}")
    if not layout.master:
        raise _bad(path, "master")
    if len({table.id for table in layout.master}) != len(layout.master):
        raise _bad(path, "master.id")
    masters = tuple(
        Master(table.id, _decoded(path, "master.secret", table.secret), table.created_us)
        for table in layout.master
    )
    return KeyFile(masters, _decoded(path, "index", layout.index))


def _decoded(path: Path, key: str, text: str) -> bytes:
    with contextlib.suppress(binascii.Error, ValueError):
        secret = base64.b64decode(text, validate=True)
        if len(secret) == KEY_BYTES:
            return secret
    raise _bad(path, key)


def _bad(path: Path, detail: str) -> Permanent:
    return Permanent(
        f"the key file {path} cannot be used: {detail}", code="bad_key_file", path=str(path), detail=detail
    )


def _text(keys: KeyFile) -> str:
    head = f'{_HEADER}format = {FORMAT}\nindex = "{_encoded(keys.index_secret)}"\n'
    return head + "".join(_table(master) for master in keys.masters)


def _table(master: Master) -> str:
    return (
        f'\n[[master]]\nid = "{master.id}"\nsecret = "{_encoded(master.secret)}"\n'
        f"created_us = {master.created_us}\n"
    )


def _encoded(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _fill(number: int, keys: KeyFile) -> None:
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(_text(keys))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folders
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Permanent(
            f"the key file {path} cannot be written: {error}",
            code="key_file_not_written",
            path=str(path),
            detail=error.strerror or str(error),
        ) from error
