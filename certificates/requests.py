"""Requests for certificates as they come from outside: nothing in them is believed but the key."""

from __future__ import annotations

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from certificates.structs import Known
from oxygen.errors import Rejected

LONGEST = 16_384
"""Characters of a PEM text that are looked at."""
_SHORTEST_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1)
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class CertificateRequest(msgspec.Struct, frozen=True):
    """A request whose sender holds the key in it.

    Attributes:
        der: As sent; what a renewal's signature is over.
        key: The public key.
        key_sha256: Of the key's DER bytes, hexadecimal.
        name: Common name asked for; empty when none.
    """

    der: bytes
    key: PublicKey
    key_sha256: str
    name: str


def read_request(pem: str) -> CertificateRequest:
    """Return a request. Raises Rejected `bad_certificate_request` telling what is wrong."""
    if len(pem) > LONGEST:
        raise _bad_request("too long")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        key = _accepted(request.public_key())
        valid = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, UnicodeEncodeError) as error:
        raise _bad_request("not a PEM certificate request") from error
    if not valid:
        raise _bad_request("its signature does not fit its key")
    return CertificateRequest(
        request.public_bytes(serialization.Encoding.DER), key, _sha256_of(key), _common_name(request.subject)
    )


def new_request(name: str) -> tuple[bytes, CertificateRequest]:
    """Return a new key (PEM, not encrypted: programs start without a person) and a request made with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, read_request(request.public_bytes(serialization.Encoding.PEM).decode())


def read_certificate(pem: str) -> tuple[Known, PublicKey]:
    """Return what a certificate says, and its key. Raises Rejected `bad_certificate`.

    Whether we issued it stands in the records, by its fingerprint.
    """
    try:
        if len(pem) > LONGEST:
            raise ValueError("too long")
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = _accepted(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm, UnicodeEncodeError, Rejected) as error:
        raise Rejected("not a certificate of ours", code="bad_certificate") from error
    known = Known(
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        name=_common_name(certificate.subject),
        not_after_us=round(certificate.not_valid_after_utc.timestamp()) * 1_000_000,
    )
    return known, key


def check_possession(key: PublicKey, signature: bytes, signed: bytes) -> None:
    """Make sure that whoever made the signature (SHA-256; ECDSA, or RSA with PKCS 1) holds the key.

    Raises Rejected `bad_signature`.
    """
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Rejected("the signature does not fit the certificate's key", code="bad_signature") from error


def _accepted(key: object) -> PublicKey:
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SHORTEST_RSA_BITS:
        return key
    raise _bad_request("expected a key on P-256 or P-384, or RSA of 2048 bits or more")


def _sha256_of(key: PublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return digest.finalize().hex()


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _bad_request(detail: str) -> Rejected:
    return Rejected(f"certificate request: {detail}", code="bad_certificate_request", detail=detail)
