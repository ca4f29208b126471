"""The master keys as a running program uses them: read from their file, and again whenever it changes."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oxygen.errors import Permanent
from records.key_file import KEY_BYTES, KeyFile, Master, read_key_file

_Stamp = tuple[int, int, int]


class KeyRing:
    """The keys of one file; nothing is read before the first use.

    The file is looked at at every use: a rotation must not leave a running program wrapping new keys with a
    master that is about to go.
    """

    def __init__(self, path: Path) -> None:
        """Keep the file's name."""
        self.path = path
        self._read: tuple[_Stamp, KeyFile] | None = None

    def keys(self) -> KeyFile:
        """Return what the file holds now. Raises Permanent `key_file_missing`, `bad_key_file`."""
        stamp = self._stamp()
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, read_key_file(self.path))
        return self._read[1]

    def current(self) -> Master:
        """Return the master that wraps new keys. Raises Permanent."""
        return self.keys().current

    def index_key(self, purpose: str) -> bytes:
        """Return the key of one kind of blind index; values of different kinds cannot be compared."""
        derive = HKDF(
            algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"oxywatch index {purpose}".encode()
        )
        return derive.derive(self.keys().index_secret)

    def _stamp(self) -> _Stamp:
        try:
            found = os.stat(self.path)
        except OSError as error:
            raise Permanent(
                f"there is no key file {self.path}", code="key_file_missing", path=str(self.path)
            ) from error
        return found.st_ino, found.st_mtime_ns, found.st_size
