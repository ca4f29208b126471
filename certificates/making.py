"""Making the authority: the root, which goes offline, and the intermediate, which signs from day to day.

The root signs nothing but intermediates. Its folder is carried away on a medium of its own; when the
intermediate is lost or stolen, the root makes another one and the old one's clients are enrolled anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certificates.passphrases import write_secret
from certificates.reading import load_certificate, load_key

ROOT_CERTIFICATE, ROOT_KEY = "root.pem", "root.key"
CERTIFICATE, KEY, TRUST = "intermediate.pem", "intermediate.key", "ca.pem"
"""`ca.pem` holds both authorities: what a broker and a gateway trust."""
ROOT_LIFE = timedelta(days=20 * 365)
INTERMEDIATE_LIFE = timedelta(days=5 * 365)
BACKDATED = timedelta(minutes=5)
"""Against clocks that are a little behind."""

ROOT_NAME = "OxyWatch Root CA"
INTERMEDIATE_NAME = "OxyWatch Gateways CA"


def make_authority(
    root_folder: Path,
    online_folder: Path,
    *,
    root_passphrase: bytes,
    passphrase: bytes,
    now: datetime,
) -> None:
    """Make root and intermediate, each with its encrypted key in its own folder.

    Raises:
        Permanent: A file is there already, or a folder cannot be written.
    """
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(ROOT_NAME)
    builder = _authority(name, name, key.public_key(), now, ROOT_LIFE, path_length=1)
    root = builder.sign(key, hashes.SHA384())
    write_secret(root_folder / ROOT_KEY, _private(key, root_passphrase))
    write_secret(root_folder / ROOT_CERTIFICATE, _public(root), mode=0o644)
    make_intermediate(
        root_folder, online_folder, root_passphrase=root_passphrase, passphrase=passphrase, now=now
    )


def make_intermediate(
    root_folder: Path,
    online_folder: Path,
    *,
    root_passphrase: bytes,
    passphrase: bytes,
    now: datetime,
) -> None:
    """Make an intermediate that the root vouches for, in an empty folder. Raises Permanent."""
    root = load_certificate(root_folder / ROOT_CERTIFICATE)
    root_key = load_key(root_folder / ROOT_KEY, root_passphrase)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _authority(
        _name(INTERMEDIATE_NAME), root.subject, key.public_key(), now, INTERMEDIATE_LIFE, path_length=0
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
    made = builder.sign(root_key, hashes.SHA384())
    write_secret(online_folder / KEY, _private(key, passphrase))
    write_secret(online_folder / CERTIFICATE, _public(made), mode=0o644)
    write_secret(online_folder / TRUST, _public(made) + _public(root), mode=0o644)


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OxyWatch"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def _private(key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
