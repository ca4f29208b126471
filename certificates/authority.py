"""The online authority at work: clients' and servers' certificates, and the list of revoked ones."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certificates.making import BACKDATED, CERTIFICATE, KEY, TRUST
from certificates.passphrases import read_passphrase
from certificates.reading import load_certificate, load_key
from certificates.requests import CertificateRequest
from certificates.structs import Issued, Revocation
from oxygen.errors import Permanent

CRL_LIFE = timedelta(days=365)
"""Long: OpenSSL refuses everybody once the list has run out, and the list is not what locks a client out."""


class Authority:
    """Signs for clients and servers. Holds the intermediate's key: one program alone makes one of these.

    Attributes:
        trust: PEM of the intermediate and the root: what both ends trust.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, trust: str) -> None:
        """Keep the certificate and its key. Raises Permanent when they do not belong together."""
        if certificate.public_key() != key.public_key():
            raise Permanent("the authority's key is not that of its certificate", code="wrong_authority_key")
        self.trust = trust
        self._certificate = certificate
        self._key = key

    def issue_client(
        self, request: CertificateRequest, name: str, *, now: datetime, life: timedelta
    ) -> Issued:
        """Return a certificate for a client called `name`, whatever name the request asks for."""
        return self._issue(request, name, [ExtendedKeyUsageOID.CLIENT_AUTH], [], now, life)

    def issue_server(
        self, request: CertificateRequest, names: Sequence[str], *, now: datetime, life: timedelta
    ) -> Issued:
        """Return a certificate for a server reached by `names`, DNS names and addresses."""
        return self._issue(request, names[0], [ExtendedKeyUsageOID.SERVER_AUTH], names, now, life)

    def revocation_list(self, revoked: Iterable[Revocation], *, now: datetime) -> bytes:
        """Return the list of revoked certificates, PEM."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(now + CRL_LIFE)
            .add_extension(x509.CRLNumber(round(now.timestamp())), critical=False)
            .add_extension(self._key_identifier(), critical=False)
        )
        for entry in revoked:
            moment = datetime.fromtimestamp(entry.revoked_us // 1_000_000, UTC)
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(entry.serial, 16))
                .revocation_date(moment)
                .build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _issue(
        self,
        request: CertificateRequest,
        name: str,
        usages: list[x509.ObjectIdentifier],
        names: Sequence[str],
        now: datetime,
        life: timedelta,
    ) -> Issued:
        # A client that outlives its authority is refused by every broker without a word of why.
        ends = min(now + life, self._certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(self._certificate.subject)
            .public_key(request.key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_signing_only(), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.key), critical=False)
            .add_extension(self._key_identifier(), critical=False)
        )
        if names:
            builder = builder.add_extension(_alternatives(names), critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return Issued(
            serial=f"{made.serial_number:x}",
            fingerprint=made.fingerprint(hashes.SHA256()).hex(),
            certificate=_pem(made),
            chain=_pem(self._certificate),
            not_before_us=_us(made.not_valid_before_utc),
            not_after_us=_us(made.not_valid_after_utc),
        )

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def load_authority(folder: Path, passphrase_file: Path) -> Authority:
    """Return the online authority of a folder. Raises Permanent for files that are missing, wrong or open."""
    key = load_key(folder / KEY, read_passphrase(passphrase_file))
    certificate = load_certificate(folder / CERTIFICATE)
    load_certificate(folder / TRUST)
    return Authority(certificate, key, (folder / TRUST).read_text(encoding="ascii"))


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OxyWatch"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000
