"""Encrypted files that are written and read from front to end.

The file begins with a header of 43 bytes: 18 bytes, `OXYWATCH-BACKUP-1` and a line feed; one byte, 1 for a
passphrase or 2 for a key file; one byte, the binary logarithm of scrypt's cost (0 with a key file); 16 bytes
of salt; 7 bytes of nonce. The key of 32 bytes is scrypt(passphrase, salt, r=8, p=1), or HKDF-SHA256(contents
of the key file, salt, info = the first 18 bytes). Then come pieces of 1 MiB, the last one shorter or empty,
each encrypted by AES-256-GCM and followed by its tag of 16 bytes. A piece's nonce is the 7 bytes of the
header, the piece's number from 0 (4 bytes, big-endian) and one byte, 1 for the last piece and else 0; the
header is the associated data. So pieces cannot be changed, reordered, left out or cut off unnoticed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from oxygen.errors import Permanent, Rejected

MAGIC = b"OXYWATCH-BACKUP-1\n"
PIECE_BYTES = 1024 * 1024

_TAG_BYTES = 16
_SALT_BYTES = 16
_PREFIX_BYTES = 7
_HEADER_BYTES = len(MAGIC) + 2 + _SALT_BYTES + _PREFIX_BYTES
_PASSPHRASE, _KEY_FILE = 1, 2
_SCRYPT_LOG2_COST = 16
_HIGHEST_LOG2_COST = 20
_SHORTEST_PASSPHRASE = 12
_SHORTEST_KEY_BYTES = 32


class Secret:
    """What a backup is encrypted with; it is read when it is used, and never shown."""

    def __init__(self, kind: int, value: bytes) -> None:
        """Keep it; `read_secret` makes one."""
        self.kind = kind
        self._value = value

    def key(self, header: bytes) -> bytes:
        """Return the 32 bytes that belong to a file's header."""
        salt = header[len(MAGIC) + 2 : len(MAGIC) + 2 + _SALT_BYTES]
        if self.kind == _KEY_FILE:
            return HKDF(SHA256(), length=32, salt=salt, info=MAGIC).derive(self._value)
        cost = 2 ** header[len(MAGIC) + 1]
        return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(self._value)


def read_secret(passphrase_file: Path | None, key_file: Path | None) -> Secret | None:
    """Return the secret that a file holds, or None when none is named.

    A passphrase is the file's first line; a key is all of the file, at least 32 bytes, best random ones.

    Raises Permanent `backup_key_file` when the file cannot be read, or holds too little.
    """
    path = passphrase_file or key_file
    if path is None:
        return None
    try:
        value = path.read_bytes()
    except OSError as error:
        raise _bad_key_file(path, str(error)) from error
    if passphrase_file is not None:
        value = value.partition(b"\n")[0].strip()
        if len(value) < _SHORTEST_PASSPHRASE:
            raise _bad_key_file(path, f"shorter than {_SHORTEST_PASSPHRASE} bytes")
        return Secret(_PASSPHRASE, value)
    if len(value) < _SHORTEST_KEY_BYTES:
        raise _bad_key_file(path, f"shorter than {_SHORTEST_KEY_BYTES} bytes")
    return Secret(_KEY_FILE, value)


class EncryptingWriter(io.RawIOBase):
    """Encrypts what is written into `file`; nothing is complete before `close`, which leaves `file` open."""

    def __init__(self, file: BinaryIO, secret: Secret) -> None:
        cost = _SCRYPT_LOG2_COST if secret.kind == _PASSPHRASE else 0
        header = MAGIC + bytes((secret.kind, cost)) + os.urandom(_SALT_BYTES + _PREFIX_BYTES)
        self._pieces = _Pieces(header, secret)
        self._file = file
        self._buffer = bytearray()
        file.write(header)

    def writable(self) -> bool:
        """Say that it is for writing."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take plain bytes, encrypting every piece that is full and surely not the last."""
        self._buffer += data
        while len(self._buffer) > PIECE_BYTES:
            self._file.write(self._pieces.encrypt(bytes(self._buffer[:PIECE_BYTES]), last=False))
            del self._buffer[:PIECE_BYTES]
        return len(data)

    def close(self) -> None:
        """Write the last piece; safe to repeat."""
        if not self.closed:
            self._file.write(self._pieces.encrypt(bytes(self._buffer), last=True))
        super().close()


class DecryptingReader(io.RawIOBase):
    """Reads what EncryptingWriter wrote. Every byte it gives out has been authenticated.

    Raises Rejected: `backup_wrong_key` for the first piece, `backup_damaged` for a later one.
    """

    def __init__(self, file: BinaryIO, secret: Secret, path: Path) -> None:
        header = file.read(_HEADER_BYTES)
        known_kind = len(header) == _HEADER_BYTES and header[len(MAGIC)] == secret.kind
        if not known_kind or header[len(MAGIC) + 1] > _HIGHEST_LOG2_COST:
            raise _wrong_key(path)
        self._pieces = _Pieces(header, secret)
        self._file = file
        self._path = path
        self._next = file.read(PIECE_BYTES + _TAG_BYTES)
        self._buffer = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        """Say that it is for reading."""
        return True

    def readinto(self, target: bytearray) -> int:  # type: ignore[override]
        """Fill `target` with plain bytes as far as the present piece goes; 0 at the end."""
        while not self._buffer:
            if self._ended:
                return 0
            self._advance()
        count = min(len(target), len(self._buffer))
        target[:count] = self._buffer[:count]
        self._buffer = self._buffer[count:]
        return count

    def _advance(self) -> None:
        piece = self._next
        self._next = self._file.read(PIECE_BYTES + _TAG_BYTES)
        self._ended = not self._next
        try:
            self._buffer = memoryview(self._pieces.decrypt(piece, last=self._ended))
        except InvalidTag as error:
            if self._pieces.number == 0:
                raise _wrong_key(self._path) from error
            detail = f"piece {self._pieces.number}"
            message = f"{self._path}: {detail} was changed or cut off"
            raise Rejected(message, code="backup_damaged", path=str(self._path), detail=detail) from error


class _Pieces:
    """Numbers, encrypts and decrypts the pieces of one file.

    Attributes:
        number: Of the next piece.
    """

    def __init__(self, header: bytes, secret: Secret) -> None:
        self.number = 0
        self._header = header
        self._cipher = AESGCM(secret.key(header))

    def encrypt(self, plain: bytes, *, last: bool) -> bytes:
        """Return the next piece, encrypted."""
        sealed = self._cipher.encrypt(self._nonce(last), plain, self._header)
        self.number += 1
        return sealed

    def decrypt(self, sealed: bytes, *, last: bool) -> bytes:
        """Return the next piece in plain. Raises InvalidTag."""
        if len(sealed) < _TAG_BYTES:
            raise InvalidTag
        plain = self._cipher.decrypt(self._nonce(last), sealed, self._header)
        self.number += 1
        return plain

    def _nonce(self, last: bool) -> bytes:
        prefix = self._header[-_PREFIX_BYTES:]
        return prefix + self.number.to_bytes(4, "big") + bytes((last,))


def _bad_key_file(path: Path, detail: str) -> Permanent:
    return Permanent(f"{path}: {detail}", code="backup_key_file", path=str(path), detail=detail)


def _wrong_key(path: Path) -> Rejected:
    message = f"{path} cannot be opened with this passphrase or key, or its beginning is damaged"
    return Rejected(message, code="backup_wrong_key", path=str(path))
