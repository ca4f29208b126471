"""Encrypting with AES-256-GCM: keys of persons by a master, fields by the key of their person. Pure.

A sealed field is text, `sealed:1:PERSON:BASE64`, and says itself whose it is. Person and field name are bound
to it, so that a value moved to another person or another field does not open.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records.key_file import KEY_BYTES, Master

PREFIX = "sealed:"
_TOKEN = re.compile(r"sealed:1:([1-9][0-9]{0,18}):([A-Za-z0-9_-]+)")
_NONCE_BYTES = 12


class Token(msgspec.Struct, frozen=True):
    """A sealed field, taken apart."""

    person_id: int
    body: bytes


def is_sealed(value: str) -> bool:
    """Tell whether a stored text is a sealed field; no plain value may begin like one."""
    return value.startswith(PREFIX)


def parse(value: str) -> Token | None:
    """Return a sealed field's parts, or None when it is not one."""
    match = _TOKEN.fullmatch(value)
    body = _decoded(match[2]) if match else None
    return None if match is None or body is None else Token(int(match[1]), body)


def new_key() -> bytes:
    """Return a fresh key of a person."""
    return secrets.token_bytes(KEY_BYTES)


def wrap(master: Master, person_id: int, key: bytes) -> str:
    """Return a person's key under a master, as text."""
    return _encoded(_encrypted(master.secret, key, _key_bond(master, person_id)))


def unwrap(master: Master, person_id: int, wrapped: str) -> bytes | None:
    """Return a person's key; None when the master is another one or the text was altered."""
    body = _decoded(wrapped)
    return None if body is None else _decrypted(master.secret, body, _key_bond(master, person_id))


def seal(key: bytes, person_id: int, field: str, text: str) -> str:
    """Return the sealed form of a field's text."""
    body = _encrypted(key, text.encode(), _field_bond(person_id, field))
    return f"{PREFIX}1:{person_id}:{_encoded(body)}"


def unseal(key: bytes, token: Token, field: str) -> str | None:
    """Return a field's text; None when it was altered or belongs to another person or field."""
    plain = _decrypted(key, token.body, _field_bond(token.person_id, field))
    return None if plain is None else plain.decode()


def blind(key: bytes, value: str) -> str:
    """Return what stands for a value in a blind index: equal values give equal text, which tells no more."""
    return hmac.digest(key, value.encode(), "sha256").hex()


def _key_bond(master: Master, person_id: int) -> bytes:
    return f"oxywatch key\0{master.id}\0{person_id}".encode()


def _field_bond(person_id: int, field: str) -> bytes:
    return f"oxywatch field\0{person_id}\0{field}".encode()


def _encrypted(key: bytes, plain: bytes, bond: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bond)


def _decrypted(key: bytes, body: bytes, bond: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bond)
    except (InvalidTag, ValueError):
        return None


def _encoded(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
