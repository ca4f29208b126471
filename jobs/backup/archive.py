"""The file of a backup: a tar archive, compressed by gzip, encrypted if wanted; `manifest.json` comes last.

Every member is small enough for the memory. The manifest names each with its SHA-256, so a file that was cut
off or damaged is known before anything is restored.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

import msgspec

from jobs.backup.encryption import MAGIC, DecryptingReader, EncryptingWriter, Secret
from oxygen.errors import Permanent, Rejected
from records.backup import DumpShape

MANIFEST = "manifest.json"
FORMAT = 1

_COMPRESSION = 1  # the higher levels cost several times the time for a few per cent
_READ_BYTES = 1024 * 1024
_LARGEST_MEMBER = 512 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_UNREADABLE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, msgspec.DecodeError)


class Member(msgspec.Struct, frozen=True):
    """A member as the manifest tells it."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds.

    Attributes:
        format: Of the archive.
        version: Of the program that made it.
        started_us, finished_us: When, µs since 1970 UTC; records are as of the beginning.
        records: Shape of the dump; its pieces are members `records/TABLE/NUMBER.jsonl`.
        telemetry: Kind of the time series, or None when it is not in the backup; its pieces are members
            `telemetry/KIND/NUMBER`: a SQLite file in parts (embedded), or line protocol in µs (influx).
        members: In the order of the archive.
    """

    format: int
    version: str
    started_us: int
    finished_us: int
    records: DumpShape
    telemetry: str | None
    members: list[Member]


class Written(NamedTuple):
    """A finished file."""

    bytes: int
    sha256: str


class ArchiveWriter:
    """Writes an archive beside its place and moves it there when it is complete."""

    def __init__(self, path: Path, secret: Secret | None) -> None:
        """Begin. Raises Rejected `backup_exists`, Permanent `backup_write_failed`."""
        if path.exists():
            raise Rejected(f"{path} exists already", code="backup_exists", path=str(path))
        self.members: list[Member] = []
        self._path = path
        self._part = path.with_name(path.name + ".part")
        with self._failing():
            self._file: BinaryIO = os.fdopen(
                os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b"
            )
            plain: Any = EncryptingWriter(self._file, secret) if secret else self._file
            self._layers: list[Any] = [plain] if secret else []
            zipped = gzip.GzipFile("", "wb", _COMPRESSION, fileobj=plain, mtime=0)
            self._tar = tarfile.open(mode="w|", fileobj=zipped, format=tarfile.PAX_FORMAT)  # noqa: SIM115
            self._layers = [self._tar, zipped, *self._layers]

    def add(self, name: str, data: bytes) -> None:
        """Add a member. Raises Permanent `backup_write_failed`."""
        self.members.append(Member(name, len(data), hashlib.sha256(data).hexdigest()))
        self._put(name, data)

    def finish(self, manifest: Manifest) -> Written:
        """Add the manifest and put the file in its place, on the disk. Raises Permanent."""
        self._put(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        with self._failing():
            for layer in self._layers:
                layer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.seek(0)
            digest = hashlib.sha256()
            while block := self._file.read(_READ_BYTES):
                digest.update(block)
            written = Written(self._file.tell(), digest.hexdigest())
            self._file.close()
            os.replace(self._part, self._path)
            _sync_folder(self._path.parent)
        return written

    def abandon(self) -> None:
        """Throw an unfinished archive away; does nothing after `finish`."""
        if self._file.closed:
            return
        for layer in [*self._layers, self._file]:
            with contextlib.suppress(OSError, ValueError):  # a full disk is why it is abandoned
                layer.close()
        self._part.unlink(missing_ok=True)

    def _put(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        with self._failing():
            self._tar.addfile(member, io.BytesIO(data))

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            detail = error.strerror or str(error)
            raise Permanent(
                f"{self._path}: {detail}", code="backup_write_failed", path=str(self._path), detail=detail
            ) from error


def members(path: Path, secret: Secret | None) -> Iterator[tuple[str, bytes]]:
    """Yield the members of an archive, name and contents, in their order.

    Raises Rejected: `backup_unreadable`, `backup_damaged`, `backup_key_needed`, `backup_wrong_key`.
    """
    try:
        with path.open("rb") as file, tarfile.open(mode="r|", fileobj=_opened(file, path, secret)) as tar:
            for member in tar:
                if not member.isreg() or member.size > _LARGEST_MEMBER:
                    raise unreadable(path, f"the member {member.name} is none of ours")
                contents = tar.extractfile(member)
                yield member.name, b"" if contents is None else contents.read()
    except _UNREADABLE as error:
        raise unreadable(path, str(error) or type(error).__name__) from error
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def check(path: Path, secret: Secret | None) -> Manifest:
    """Read all of an archive and return its manifest, if everything in it is as it was written.

    Raises Rejected as `members`, and `backup_too_new`.
    """
    found: list[Member] = []
    manifest: Manifest | None = None
    for name, data in members(path, secret):
        if name == MANIFEST:
            manifest = _manifest(path, data)
        else:
            found.append(Member(name, len(data), hashlib.sha256(data).hexdigest()))
    if manifest is None:
        raise unreadable(path, f"{MANIFEST} is missing")
    if found != manifest.members:
        differing = set(found) ^ set(manifest.members)
        names = ", ".join(sorted({member.name for member in differing})[:3]) or "order of the members"
        raise Rejected(f"{path} is damaged: {names}", code="backup_damaged", path=str(path), detail=names)
    return manifest


def unreadable(path: Path, detail: str) -> Rejected:
    """Return the refusal for a file that is no backup, or half of one."""
    message = f"{path} is no backup, or is cut off: {detail}"
    return Rejected(message, code="backup_unreadable", path=str(path), detail=detail)


def _manifest(path: Path, data: bytes) -> Manifest:
    try:
        number = msgspec.json.decode(data, type=dict[str, Any]).get("format")
        if number != FORMAT:
            message = f"{path} has the format {number}, expected {FORMAT}"
            raise Rejected(message, code="backup_too_new", version=f"format {number}")
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise unreadable(path, f"{MANIFEST}: {error}") from error


def _opened(file: BinaryIO, path: Path, secret: Secret | None) -> IO[bytes]:
    beginning = file.read(len(MAGIC))
    file.seek(0)
    plain: BinaryIO = file
    if beginning == MAGIC:
        if secret is None:
            raise Rejected(f"{path} is encrypted", code="backup_key_needed", path=str(path))
        plain = cast("BinaryIO", io.BufferedReader(DecryptingReader(file, secret, path), 1024 * 1024))
    elif not beginning.startswith(_GZIP_MAGIC):
        raise unreadable(path, "its first bytes are not those of a backup")
    return cast("IO[bytes]", gzip.GzipFile(fileobj=plain, mode="rb"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
