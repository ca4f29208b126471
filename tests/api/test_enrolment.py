"""Enrolment from end to end: code, request, certificate, renewal, revocation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from api.enrolment import Admission, Enrolment, EnrolmentSettings, open_enrolment
from certificates import make_authority, new_passphrase_file, read_certificate, read_passphrase
from oxygen.errors import Rejected, Retryable
from records import enrolment, registry
from records.database import Database
from tests.certificates.openssl import new_key, new_request, openssl, signature
from tests.certificates.test_authority import NOW
from tests.records import samples

GATEWAY = samples.GATEWAY.code
DAY_US = 86_400_000_000
NOW_US = round(NOW.timestamp()) * 1_000_000


class Desk:
    """Enrolment with a clock that tests move."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.now_us = NOW_US
        self.folder = folder
        self.database = database
        secret = folder / "pass"
        new_passphrase_file(secret)
        passphrase = read_passphrase(secret)
        make_authority(
            folder / "root", folder / "online", root_passphrase=passphrase, passphrase=passphrase, now=NOW
        )
        self.settings = EnrolmentSettings(
            authority=folder / "online",
            passphrase_file=secret,
            certificate_days=30,
            revocations_file=folder / "revoked.pem",
        )
        self.enrolment: Enrolment = open_enrolment(self.settings, database, clock=lambda: self.now_us)

    async def code(self) -> str:
        async with self.database.write() as tx:
            return await enrolment.create_code(tx, GATEWAY, valid_us=DAY_US, actor="lan", now_us=self.now_us)

    async def revoke(self) -> None:
        async with self.database.write() as tx:
            await enrolment.revoke_gateway(tx, GATEWAY, reason="lost", actor="lan", now_us=self.now_us)

    def request(self, name: str = "first") -> str:
        return new_request(new_key(self.folder / f"{name}.key"))

    async def enrolled(self) -> Admission:
        return await self.enrolment.enrol(await self.code(), self.request())

    async def renewed(self, admission: Admission, *, with_key: str = "first") -> Admission:
        request = self.request("second")
        signed = signature(self.folder / f"{with_key}.key", request, self.folder)
        return await self.enrolment.renew(admission.certificate, request, signed)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(f"sqlite:///{tmp_path}/records.sqlite")
    await database.migrate()
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    yield Desk(tmp_path, database)
    await database.close()


async def test_a_code_becomes_a_certificate_that_openssl_accepts(desk: Desk, tmp_path: Path) -> None:
    admission = await desk.enrolled()
    shown, trust = tmp_path / "shown.pem", tmp_path / "trust.pem"
    shown.write_text(admission.certificate, encoding="ascii")
    trust.write_text(admission.trust, encoding="ascii")
    verdict = openssl("verify", "-CAfile", str(trust), "-purpose", "sslclient", str(shown))
    subject = openssl("x509", "-in", str(shown), "-noout", "-subject")

    assert ": OK" in verdict
    assert GATEWAY in subject
    assert (admission.gateway, admission.facility, admission.shard) == (GATEWAY, "bv-cho-lon", "hcm")
    assert admission.not_after_us == NOW_US + 30 * DAY_US
    assert admission.renew_after_us == NOW_US + 20 * DAY_US


async def test_what_was_given_stands_in_the_records(desk: Desk) -> None:
    admission = await desk.enrolled()
    known, _ = read_certificate(admission.certificate)
    async with desk.database.read() as tx:
        (kept,) = await enrolment.certificates(tx, GATEWAY)
        (access,) = await enrolment.accesses(tx, undone_only=True)

    assert (kept.serial, kept.fingerprint, kept.not_after_us) == (
        known.serial,
        known.fingerprint,
        admission.not_after_us,
    )
    assert (access.gateway, access.wanted) == (GATEWAY, "granted")


async def test_a_code_does_not_serve_a_second_gateway(desk: Desk) -> None:
    code = await desk.code()
    await desk.enrolment.enrol(code, desk.request())
    with pytest.raises(Rejected) as caught:
        await desk.enrolment.enrol(code, desk.request("thief"))

    assert caught.value.code == "bad_enrolment_code"


async def test_a_bad_request_uses_up_nothing(desk: Desk) -> None:
    code = await desk.code()
    with pytest.raises(Rejected):
        await desk.enrolment.enrol(code, "nonsense")

    assert (await desk.enrolment.enrol(code, desk.request())).gateway == GATEWAY


async def test_when_nothing_can_be_written_the_code_stays_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, request = await desk.code(), desk.request()

    async def down(*_: object, **__: object) -> None:
        raise Retryable("down", code="records_down")

    with monkeypatch.context() as broken:
        broken.setattr(enrolment, "add_certificate", down)
        with pytest.raises(Retryable):
            await desk.enrolment.enrol(code, request)

    assert (await desk.enrolment.enrol(code, desk.request("other"))).gateway == GATEWAY


async def test_a_gateway_renews_with_its_old_key_and_may_change_it(desk: Desk) -> None:
    first = await desk.enrolled()
    desk.now_us = first.renew_after_us
    second = await desk.renewed(first)
    old, old_key = read_certificate(first.certificate)
    new, new_key_ = read_certificate(second.certificate)
    async with desk.database.read() as tx:
        chain = {each.serial: each.renewal_of for each in await enrolment.certificates(tx, GATEWAY)}

    assert chain == {old.serial: None, new.serial: old.serial}
    assert new_key_ != old_key
    assert second.not_after_us == first.renew_after_us + 30 * DAY_US


async def test_nobody_renews_without_the_old_key(desk: Desk) -> None:
    """The certificate itself is no secret: the broker and the line see it."""
    first = await desk.enrolled()
    desk.request("thief")
    with pytest.raises(Rejected) as caught:
        await desk.renewed(first, with_key="thief")

    assert caught.value.code == "bad_signature"


@pytest.mark.parametrize("spoil", ["expired", "revoked", "foreign"])
async def test_what_does_not_hold_is_not_renewed(desk: Desk, spoil: str, tmp_path: Path) -> None:
    first = await desk.enrolled()
    if spoil == "expired":
        desk.now_us = first.not_after_us
    elif spoil == "revoked":
        await desk.revoke()
    else:
        other = tmp_path / "foreign.pem"
        key = str(desk.folder / "first.key")
        openssl("req", "-x509", "-key", key, "-subj", f"/CN={GATEWAY}", "-out", str(other))
        first = msgspec.structs.replace(first, certificate=other.read_text(encoding="ascii"))
    with pytest.raises(Rejected) as caught:
        await desk.renewed(first)

    assert caught.value.code == "bad_certificate"


async def test_a_signature_that_is_no_signature_is_refused(desk: Desk) -> None:
    first = await desk.enrolled()
    for nonsense in ("", "ô", "AAAA", "%%%"):
        with pytest.raises(Rejected) as caught:
            await desk.enrolment.renew(first.certificate, desk.request("second"), nonsense)
        assert caught.value.code == "bad_signature"


async def test_the_list_of_revoked_ones_is_written_when_it_changes(desk: Desk, tmp_path: Path) -> None:
    first = await desk.enrolled()
    serial = read_certificate(first.certificate)[0].serial
    written = [await desk.enrolment.write_revocations() for _ in range(2)]
    empty = _serials(tmp_path)
    await desk.revoke()
    written += [await desk.enrolment.write_revocations() for _ in range(2)]
    listed = _serials(tmp_path)
    desk.now_us = first.not_after_us
    written.append(await desk.enrolment.write_revocations())

    assert written == [True, False, True, False, True]
    assert empty == _serials(tmp_path) == []
    assert [int(text, 16) for text in listed] == [int(serial, 16)]


def _serials(folder: Path) -> list[str]:
    text = openssl("crl", "-in", str(folder / "revoked.pem"), "-noout", "-text")
    return [line.split(":")[1].strip() for line in text.splitlines() if "Serial Number:" in line]


async def test_the_list_follows_by_itself(desk: Desk, tmp_path: Path) -> None:
    await desk.enrolled()

    async def soon(_: float) -> None:
        await asyncio.sleep(0.02)

    running = asyncio.create_task(desk.enrolment.run(soon))
    await asyncio.sleep(0.1)
    await desk.revoke()
    async with asyncio.timeout(10):
        while not _serials(tmp_path):
            await asyncio.sleep(0.05)
    running.cancel()
