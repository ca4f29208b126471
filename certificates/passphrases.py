"""Files that hold a passphrase, and files that only their owner may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from oxygen.errors import Permanent

SHORTEST = 16
_OTHERS = 0o077


def read_passphrase(path: Path) -> bytes:
    """Return the first line of a file that nobody else can read; raises Permanent naming what is wrong."""
    try:
        mode = path.stat().st_mode
        line = path.read_bytes().partition(b"\n")[0].rstrip(b"\r")
    except OSError as error:
        raise Permanent(f"passphrase file {path}: {error}", code="unreadable_file", file=str(path)) from error
    if mode & _OTHERS:
        raise open_to_others(path)
    if len(line) < SHORTEST:
        raise Permanent(
            f"passphrase file {path}: found {len(line)} characters, expected at least {SHORTEST}",
            code="bad_passphrase",
            file=str(path),
        )
    return line


def new_passphrase_file(path: Path) -> None:
    """Make a random passphrase in a file for its owner alone; raises Permanent when it exists."""
    write_secret(path, (secrets.token_urlsafe(32) + "\n").encode())


def write_secret(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a new file; raises Permanent when it exists or cannot be written: nothing is ever overwritten."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise Permanent(f"{path} is there already", code="file_exists", file=str(path)) from error
    except OSError as error:
        raise Permanent(f"{path}: {error}", code="unwritable_file", file=str(path)) from error


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file in one go: whoever reads it sees the old one or the new one. Raises Permanent."""
    beside = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise Permanent(f"{path}: {error}", code="unwritable_file", file=str(path)) from error


def open_to_others(path: Path) -> Permanent:
    """Return the error for a secret that other users of the machine can read."""
    return Permanent(
        f"{path} can be read by others, expected mode 0600: chmod 600 {path}",
        code="secret_open_to_others",
        file=str(path),
    )
