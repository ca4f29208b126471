"""Settings refuse what would not work, and never show a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from oxygen.errors import BadConfiguration
from telemetry import EmbeddedSettings, InfluxSettings, TelemetrySettings, open_store
from telemetry.embedded import EmbeddedStore
from telemetry.influx import InfluxStore

ADAPTER: TypeAdapter[TelemetrySettings] = TypeAdapter(TelemetrySettings)

V1: dict[str, Any] = {"kind": "influx", "api": "v1", "url": "http://127.0.0.1:8086", "database": "oxywatch"}
V2: dict[str, Any] = {
    "kind": "influx",
    "api": "v2",
    "url": "https://influx.example.org/base/",
    "bucket": "oxywatch",
    "org": "sở y tế",
    "token": "secret",
}


async def test_kind_tells_the_stores_apart(tmp_path: Path) -> None:
    """One settings table, either store."""
    embedded = ADAPTER.validate_python({"kind": "embedded", "path": tmp_path / "t.db"})
    assert isinstance(embedded, EmbeddedSettings)
    assert isinstance(ADAPTER.validate_python(V2), InfluxSettings)
    for settings, expected in ((embedded, EmbeddedStore), (ADAPTER.validate_python(V1), InfluxStore)):
        store = open_store(settings)
        assert isinstance(store, expected)
        await store.close()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"kind": "embedded"}, "path"),
        ({"kind": "postgres", "path": "x"}, "kind"),
        ({"path": "x"}, "kind"),
        ({"kind": "embedded", "path": "x", "pth": "y"}, "pth"),
        (V1 | {"database": None}, "needs database"),
        (V1 | {"database": ""}, "database"),
        (V1 | {"url": "127.0.0.1:8086"}, "url"),
        (V1 | {"url": "http://host:8086/?db=x"}, "url"),
        (V1 | {"username": "u"}, "username and password go together"),
        (V1 | {"password": "p"}, "username and password go together"),
        (V1 | {"username": "u", "password": "p", "password_file": "f"}, "not both"),
        (V1 | {"token": "t"}, 'belong to api "v2"'),
        (V1 | {"bucket": "b"}, 'belong to api "v2"'),
        (V1 | {"timeout_s": 0}, "timeout_s"),
        (V1 | {"timeout": 3}, "timeout"),
        (V2 | {"api": "v3"}, "api"),
        (V2 | {"bucket": None}, "needs bucket and org"),
        (V2 | {"org": None}, "needs bucket and org"),
        (V2 | {"token": None}, "needs token"),
        (V2 | {"token_file": "f"}, "not both"),
        (V2 | {"username": "u", "password": "p"}, 'belong to api "v1"'),
    ],
)
def test_what_would_not_work_is_refused(given: dict[str, Any], word: str) -> None:
    """Start-up stops on a half-filled, contradictory or misspelt table, naming what is wrong."""
    with pytest.raises(ValidationError, match=word):
        ADAPTER.validate_python({name: value for name, value in given.items() if value is not None})


def test_a_secret_is_never_shown() -> None:
    """Neither printing the settings nor writing them out reveals it."""
    settings = ADAPTER.validate_python(V2)
    assert "secret" not in repr(settings)
    assert "secret" not in settings.model_dump_json()


def test_settings_do_not_change() -> None:
    """They are read once."""
    with pytest.raises(ValidationError):
        EmbeddedSettings(path=Path("x")).path = Path("y")


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """Without the newline that an editor adds."""
    file = tmp_path / "secret"
    file.write_text("mật khẩu \n", encoding="utf-8")
    given = V1 | {"username": "u", "password_file": file}
    assert InfluxSettings(**given).read_password() == "mật khẩu"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_an_unreadable_secret_names_its_file(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or binary file stops the start."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    given = {name: value for name, value in V2.items() if name != "token"} | {"token_file": file}

    with pytest.raises(BadConfiguration, match=r"token: telemetry\.token_file: found") as failure:
        open_store(InfluxSettings(**given))

    assert failure.value.file == str(file)


def test_a_bad_certificate_file_names_itself(tmp_path: Path) -> None:
    """Found at the start, not at the first connection."""
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    for path in (file, tmp_path / "missing.pem"):
        with pytest.raises(BadConfiguration, match="ca_file"):
            open_store(InfluxSettings(**V2, ca_file=path))


def test_addresses_lose_their_last_slash() -> None:
    """So that paths can be joined to them; a base path stays."""
    settings = ADAPTER.validate_python(V2)
    assert isinstance(settings, InfluxSettings)
    assert settings.url == "https://influx.example.org/base"
    assert settings.query_database == "oxywatch"
