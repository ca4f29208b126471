"""Hashing of passwords and tokens. Argon2 takes tens of milliseconds on purpose, so it runs in a thread."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

TOKEN_BYTES = 32

_hasher = PasswordHash((Argon2Hasher(),))


async def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether a password is the hashed one; for None takes as long and says no.

    That keeps the time of an answer from telling which usernames exist.
    """
    try:
        right = await asyncio.to_thread(_verify, password, password_hash)
    except UnknownHashError:
        return False
    return right and password_hash is not None


def new_token() -> str:
    """Return an unguessable token for a cookie or a form."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> str:
    """Return what is stored of a token: a stolen database opens no session."""
    return hashlib.sha256(token.encode()).hexdigest()


def _verify(password: str, password_hash: str | None) -> bool:
    return _hasher.verify(password, password_hash or _nobodys_hash())


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(TOKEN_BYTES))
