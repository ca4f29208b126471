"""The system's own certificate authority: an offline root, an online intermediate, gateways' certificates.

Files and keys alone: no database, no network.
"""

from __future__ import annotations

from certificates.authority import Authority, load_authority
from certificates.making import make_authority, make_intermediate
from certificates.passphrases import new_passphrase_file, read_passphrase, replace_file, write_secret
from certificates.requests import (
    CertificateRequest,
    check_possession,
    new_request,
    read_certificate,
    read_request,
)
from certificates.structs import Issued, Known, Revocation

__all__ = [
    "Authority",
    "CertificateRequest",
    "Issued",
    "Known",
    "Revocation",
    "check_possession",
    "load_authority",
    "make_authority",
    "make_intermediate",
    "new_passphrase_file",
    "new_request",
    "read_certificate",
    "read_passphrase",
    "read_request",
    "replace_file",
    "write_secret",
]
