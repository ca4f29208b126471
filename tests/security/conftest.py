"""The records on SQLite and PostgreSQL with a key file, and quick password hashes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from records.database import Database
from records.identity import passwords
from tests.records.conftest import postgres_template, sqlite_template, url
from tests.records.keys import make_keys, with_keys

__all__ = ["postgres_template", "sqlite_template", "url"]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little memory and time: these tests sign in dozens of times."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),)))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A fresh key file."""
    return make_keys(tmp_path)


@pytest.fixture
async def database(url: str, key_file: Path) -> AsyncIterator[Database]:
    """The migrated, empty records."""
    opened = with_keys(url, key_file)
    yield opened
    await opened.close()
