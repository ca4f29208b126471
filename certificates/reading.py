"""Reading the authority's own files."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certificates.passphrases import open_to_others
from oxygen.errors import Permanent

_OTHERS = 0o077


def load_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a PEM file. Raises Permanent."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def load_key(path: Path, passphrase: bytes) -> ec.EllipticCurvePrivateKey:
    """Return a key from a file that only its owner can read. Raises Permanent; so does a wrong passphrase."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise open_to_others(path)
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _unreadable(path, TypeError("expected a key on an elliptic curve"))
    return key


def _unreadable(path: Path, error: Exception) -> Permanent:
    return Permanent(f"{path}: {error}", code="unreadable_file", file=str(path))
