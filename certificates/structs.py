"""What the authority gives and takes, without the library's own types."""

from __future__ import annotations

import msgspec


class Issued(msgspec.Struct, frozen=True):
    """A certificate just made.

    Attributes:
        serial: Hexadecimal, without leading zeros.
        fingerprint: SHA-256 of its DER bytes, hexadecimal.
        certificate: PEM.
        chain: PEM of the intermediate, which a client sends along.
        not_before_us, not_after_us: Its validity.
    """

    serial: str
    fingerprint: str
    certificate: str
    chain: str
    not_before_us: int
    not_after_us: int


class Known(msgspec.Struct, frozen=True):
    """What a certificate says that somebody shows us."""

    serial: str
    fingerprint: str
    name: str
    not_after_us: int


class Revocation(msgspec.Struct, frozen=True):
    """An entry of the revocation list."""

    serial: str
    revoked_us: int
