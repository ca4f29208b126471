"""Which store to use and where it is, as a person writes it in a settings file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from oxygen.errors import BadConfiguration


class EmbeddedSettings(BaseModel):
    """The SQLite file of a small installation.

    Attributes:
        path: The file; its folder must exist. `PATH-wal` and `PATH-shm` appear beside it.
        busy_timeout_s: How long to wait for another program's lock before giving up with Retryable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["embedded"] = "embedded"
    path: Path
    busy_timeout_s: float = Field(default=10.0, ge=0.0, le=600.0)


class InfluxSettings(BaseModel):
    """An InfluxDB server.

    Attributes:
        url: Base address, `http://host:8086`, without a path of the interface.
        api: How to write: "v2" for 2.x, 3.x and 1.8, "v1" before 1.8. Reading is the same for all.
        database: v1: the database. v2: the database name under which InfluxQL finds the bucket; the bucket's
            own name when it is left out.
        retention_policy: Retention policy of v1, or of the v2 mapping; the default one when left out.
        bucket, org: Where v2 writes.
        username, password, password_file: Account of v1.
        token, token_file: Token of v2.
        timeout_s: Longest wait for one answer; afterwards the call ends with Retryable.
        gzip: Compress what is written; worth its processor time on slow lines only.
        ca_file: PEM file of the authority that signed the server's certificate; the system's when left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["influx"] = "influx"
    url: str = Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    api: Literal["v1", "v2"]
    database: str | None = Field(default=None, min_length=1)
    retention_policy: str | None = Field(default=None, min_length=1)
    bucket: str | None = Field(default=None, min_length=1)
    org: str | None = Field(default=None, min_length=1)
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = None
    password_file: Path | None = None
    token: SecretStr | None = None
    token_file: Path | None = None
    timeout_s: float = Field(default=10.0, gt=0.0, le=600.0)
    gzip: bool = False
    ca_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _without_last_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse a half-filled account, and what the chosen interface would ignore."""
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        has_password = self.password is not None or self.password_file is not None
        has_token = self.token is not None or self.token_file is not None
        if self.api == "v1":
            _require(self.database is not None, 'api "v1" needs database')
            _require(not has_token and self.bucket is None and self.org is None, _ONLY_V2)
            _require(has_password == (self.username is not None), "username and password go together")
        else:
            _require(self.bucket is not None and self.org is not None, 'api "v2" needs bucket and org')
            _require(has_token, 'api "v2" needs token or token_file')
            _require(not has_password and self.username is None, _ONLY_V1)
        return self

    @property
    def query_database(self) -> str:
        """The database name that InfluxQL reads from."""
        return self.database or self.bucket or ""

    def read_password(self) -> str:
        """Return the password, from its file when one is named. Raises BadConfiguration."""
        return _secret(self.password, self.password_file, "telemetry.password_file")

    def read_token(self) -> str:
        """Return the token, from its file when one is named. Raises BadConfiguration."""
        return _secret(self.token, self.token_file, "telemetry.token_file")


TelemetrySettings = Annotated[EmbeddedSettings | InfluxSettings, Field(discriminator="kind")]
"""One of the two, told apart by `kind`."""

_ONLY_V2 = 'bucket, org, token and token_file belong to api "v2"'
_ONLY_V1 = 'username, password and password_file belong to api "v1"'


def _require(holds: bool, expected: str) -> None:
    if not holds:
        raise ValueError(expected)


def _secret(given: SecretStr | None, file: Path | None, key: str) -> str:
    if file is None:
        return "" if given is None else given.get_secret_value()
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_secret(file, key, str(error)) from error
    if not text:
        raise _bad_secret(file, key, "an empty file")
    return text


def _bad_secret(file: Path, key: str, found: str) -> BadConfiguration:
    expected = "a readable text file that holds the secret alone"
    return BadConfiguration(file=str(file), line=None, key=key, found=found, expected=expected)
