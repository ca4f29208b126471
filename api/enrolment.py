"""Enrolment: a code and a request become a certificate; the one place that holds the online authority's key.

Knows nothing of the web: whoever takes requests in, over HTTPS or from a console, calls it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict, Field

from certificates import (
    Authority,
    Issued,
    Revocation,
    check_possession,
    load_authority,
    read_certificate,
    read_request,
    replace_file,
)
from oxygen.errors import OxyWatchError, Rejected
from oxygen.units import US_PER_S
from records import enrolment
from records.database import Database, Transaction
from records.enrolment import GatewayCertificate

ACTOR = "enrolment"
_RENEW_AFTER = 2 / 3
_log = structlog.get_logger(__name__)


class EnrolmentSettings(BaseModel):
    """Where the online authority is, and what it gives.

    Attributes:
        authority: Folder that `oxywatch admin ca init` made: intermediate.pem, intermediate.key, ca.pem.
        passphrase_file: Opens the key.
        certificate_days: How long a gateway's certificate lasts.
        revocations_file: Where the list of revoked certificates is kept for the broker; none is written
            without it.
        revocations_every_s: How often it is looked whether the list has changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    authority: Path
    passphrase_file: Path
    certificate_days: float = Field(default=90.0, gt=0, le=825)
    revocations_file: Path | None = None
    revocations_every_s: float = Field(default=10.0, gt=0)


class Admission(msgspec.Struct, frozen=True):
    """What a gateway needs in order to speak with the broker.

    Attributes:
        gateway, facility, shard: Its place in the topic tree.
        certificate: PEM: its own and the intermediate's, as a client shows them.
        trust: PEM of the authorities that vouch for the broker.
        not_after_us: End of the certificate.
        renew_after_us: From then on it should be renewed.
    """

    gateway: str
    facility: str
    shard: str
    certificate: str
    trust: str
    not_after_us: int
    renew_after_us: int


class Enrolment:
    """Admits gateways."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        settings: EnrolmentSettings,
        *,
        clock: Callable[[], int],
    ) -> None:
        """Keep the authority. `clock` is the server's time, µs since 1970 UTC."""
        self._database = database
        self._authority = authority
        self._settings = settings
        self._clock = clock
        self._written: tuple[str, ...] | None = None

    async def enrol(self, code: str, request: str) -> Admission:
        """Return the admission of the gateway that a one-time code was made for.

        `request` is a PEM certificate request; the name in it does not matter.

        Raises:
            Rejected: `bad_certificate_request`, `bad_enrolment_code`, `gateway_revoked`; nothing is used up.
            Retryable: The records do not answer; the same code and request may be sent again.
        """
        wanted, now_us = read_request(request), self._clock()
        async with self._database.write() as tx:
            gateway = await enrolment.redeem_code(tx, code, key_sha256=wanted.key_sha256, now_us=now_us)
            issued = self._sign(request, gateway, now_us)
            return await self._admitted(tx, gateway, issued, None, now_us)

    async def renew(self, certificate: str, request: str, signature: str) -> Admission:
        """Return a new admission for a gateway that still has a certificate.

        `signature` is base64, made with the certificate's key over the request's DER bytes; the key in the
        request may be a new one.

        Raises:
            Rejected: `bad_certificate`, `bad_certificate_request`, `bad_signature`, `gateway_revoked`.
            Retryable: The records do not answer; send it again.
        """
        shown, key = read_certificate(certificate)
        check_possession(key, _decoded(signature), read_request(request).der)
        now_us = self._clock()
        async with self._database.write() as tx:
            known = await enrolment.renewable(tx, shown.fingerprint, now_us)
            issued = self._sign(request, known.gateway, now_us)
            return await self._admitted(tx, known.gateway, issued, known.serial, now_us)

    async def write_revocations(self) -> bool:
        """Write the list of revoked certificates if it has changed; True when it was written.

        Raises Retryable, or Permanent when the file cannot be written.
        """
        file = self._settings.revocations_file
        if file is None:
            return False
        async with self._database.read() as tx:
            revoked = await enrolment.revoked_certificates(tx, self._clock())
        serials = tuple(each.serial for each in revoked)
        if serials == self._written and file.exists():
            return False
        listed = [Revocation(each.serial, each.revoked_us or 0) for each in revoked]
        content = self._authority.revocation_list(listed, now=_moment(self._clock()))
        await asyncio.to_thread(replace_file, file, content)
        self._written = serials
        _log.info("list of revoked certificates written", file=str(file), certificates=len(serials))
        return True

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Keep the list of revoked certificates current, until cancelled."""
        while True:
            try:
                await self.write_revocations()
            except OxyWatchError as error:
                _log.warning("the list of revoked certificates cannot be written", problem=str(error))
            await sleep(self._settings.revocations_every_s)

    def _sign(self, request: str, gateway: str, now_us: int) -> Issued:
        life = timedelta(days=self._settings.certificate_days)
        return self._authority.issue_client(read_request(request), gateway, now=_moment(now_us), life=life)

    async def _admitted(
        self, tx: Transaction, gateway: str, issued: Issued, renewal_of: str | None, now_us: int
    ) -> Admission:
        kept = GatewayCertificate(
            serial=issued.serial,
            gateway=gateway,
            fingerprint=issued.fingerprint,
            not_before_us=issued.not_before_us,
            not_after_us=issued.not_after_us,
            issued_us=now_us,
            renewal_of=renewal_of,
        )
        await enrolment.add_certificate(tx, kept, actor=ACTOR, now_us=now_us)
        place = (await enrolment.addresses(tx))[gateway]
        return Admission(
            gateway=gateway,
            facility=place.facility,
            shard=place.shard,
            certificate=issued.certificate + issued.chain,
            trust=self._authority.trust,
            not_after_us=issued.not_after_us,
            renew_after_us=now_us + round((issued.not_after_us - now_us) * _RENEW_AFTER),
        )


def open_enrolment(settings: EnrolmentSettings, database: Database, *, clock: Callable[[], int]) -> Enrolment:
    """Return enrolment over the authority's files. Raises Permanent for files that are missing or wrong."""
    authority = load_authority(settings.authority, settings.passphrase_file)
    return Enrolment(database, authority, settings, clock=clock)


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("the signature is not base64", code="bad_signature") from error


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us // US_PER_S, UTC)
