"""Admission of gateways: codes work once, what is revoked stays out."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy import text

from oxygen.errors import Rejected
from records import audit, enrolment, registry
from records.database import Database, Transaction
from records.enrolment import Difference, GatewayCertificate
from tests.records import samples
from tests.records.conftest import OpenDatabase

GATEWAY = samples.GATEWAY.code
HOUR_US = 3_600_000_000
CERTIFICATE = GatewayCertificate("1a", GATEWAY, "f1", 0, 90 * HOUR_US, 5)


@pytest.fixture
async def stocked(database: Database) -> Database:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    return database


async def new_code(tx: Transaction, now_us: int = 10) -> str:
    return await enrolment.create_code(tx, GATEWAY, valid_us=HOUR_US, actor="lan", now_us=now_us)


async def redeem(database: Database, code: str, *, key: str = "k", now_us: int = 20) -> str:
    async with database.write() as tx:
        return await enrolment.redeem_code(tx, code, key_sha256=key, now_us=now_us)


async def revoke(database: Database, now_us: int = 30) -> int:
    async with database.write() as tx:
        return await enrolment.revoke_gateway(tx, GATEWAY, reason="stolen", actor="lan", now_us=now_us)


async def test_a_code_admits_its_gateway_however_it_is_typed(stocked: Database) -> None:
    async with stocked.write() as tx:
        code = await new_code(tx)
    assert await redeem(stocked, f" {code.lower().replace('-', ' ')} ") == GATEWAY


async def test_a_code_works_once_but_again_for_the_same_key(stocked: Database) -> None:
    """The answer to the first time may have been lost on a bad line."""
    async with stocked.write() as tx:
        code = await new_code(tx)
    await redeem(stocked, code)
    assert await redeem(stocked, code) == GATEWAY
    with pytest.raises(Rejected) as caught:
        await redeem(stocked, code, key="other")

    assert caught.value.code == "bad_enrolment_code"


async def test_of_two_who_use_a_code_at_once_one_gets_in(
    url: str, stocked: Database, open_database: OpenDatabase
) -> None:
    async with stocked.write() as tx:
        code = await new_code(tx)
    tries = (redeem(open_database(url), code, key=f"k{number}") for number in range(6))
    answers = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(answer == GATEWAY for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Rejected)} == {"bad_enrolment_code"}


@pytest.mark.parametrize("spoil", ["expired", "replaced", "wrong"])
async def test_a_code_that_does_not_hold_is_refused_without_telling_why(
    stocked: Database, spoil: str
) -> None:
    async with stocked.write() as tx:
        code = await new_code(tx)
        if spoil == "replaced":
            await new_code(tx)
    late_us = 10 + HOUR_US if spoil == "expired" else 20
    with pytest.raises(Rejected, match=r"does not hold$") as caught:
        await redeem(stocked, "AAAAA-AAAAA-AAAAA-AAAAA" if spoil == "wrong" else code, now_us=late_us)

    assert caught.value.params == {}


async def test_the_records_do_not_hold_the_code(stocked: Database) -> None:
    async with stocked.write() as tx:
        code = await new_code(tx)
        rows = [dict(row) for row in await tx.rows(text("SELECT * FROM enrolment_code"))]
        entries = await audit.entries(tx)
        listed = await enrolment.codes(tx, GATEWAY)

    assert code not in str(rows) + str(entries) + str(listed)
    assert code.replace("-", "") not in str(rows) + str(entries)
    assert [(each.gateway, each.used_us) for each in listed] == [(GATEWAY, None)]


async def test_codes_differ(stocked: Database) -> None:
    async with stocked.write() as tx:
        codes = {await new_code(tx) for _ in range(50)}
    assert len(codes) == 50
    assert {len(code) for code in codes} == {23}


async def test_a_certificate_opens_the_brokers_door_until_it_is_done(stocked: Database) -> None:
    async with stocked.write() as tx:
        await enrolment.add_certificate(tx, CERTIFICATE, actor="gateway", now_us=5)
        (wish,) = await enrolment.accesses(tx, undone_only=True)
        await enrolment.mark_applied(tx, wish, now_us=6)
        done = await enrolment.accesses(tx, undone_only=True)
        again = msgspec.structs.replace(CERTIFICATE, serial="1b", fingerprint="f2", renewal_of="1a")
        await enrolment.add_certificate(tx, again, actor="gateway", now_us=7)
        renewed = await enrolment.accesses(tx, undone_only=True)

    assert (wish.gateway, wish.wanted, wish.applied) == (GATEWAY, "granted", False)
    assert done == renewed == []


async def test_revoking_takes_back_codes_certificates_and_the_door(stocked: Database) -> None:
    async with stocked.write() as tx:
        await enrolment.add_certificate(tx, CERTIFICATE, actor="gateway", now_us=5)
        (wish,) = await enrolment.accesses(tx)
        await enrolment.mark_applied(tx, wish, now_us=6)
        code = await new_code(tx)
    assert await revoke(stocked) == 1

    async with stocked.read() as tx:
        (undone,) = await enrolment.accesses(tx, undone_only=True)
        (listed,) = await enrolment.revoked_certificates(tx, 40)
        later = await enrolment.revoked_certificates(tx, CERTIFICATE.not_after_us)
        entries = await audit.entries(tx, action="gateway.revoke")
        with pytest.raises(Rejected, match="does not hold"):
            await enrolment.renewable(tx, "f1", 40)
    with pytest.raises(Rejected, match="does not hold"):
        await redeem(stocked, code, now_us=40)
    assert undone.wanted == "revoked"
    assert (listed.serial, listed.revoked_us, listed.revoked_by, listed.revoked_reason) == (
        "1a",
        30,
        "lan",
        "stolen",
    )
    assert later == []
    assert entries[0].detail == {"reason": "stolen", "certificates": 1}


async def test_a_revoked_gateway_comes_back_only_when_no_certificate_of_it_lives(stocked: Database) -> None:
    """A broker that does not look at the revocation list could not tell the stolen one from a new one."""
    async with stocked.write() as tx:
        await enrolment.add_certificate(tx, CERTIFICATE, actor="gateway", now_us=5)
    await revoke(stocked)
    with pytest.raises(Rejected) as code_refused:
        async with stocked.write() as tx:
            await new_code(tx, 40)
    with pytest.raises(Rejected) as too_early:
        async with stocked.write() as tx:
            await enrolment.readmit_gateway(tx, GATEWAY, reason="found", actor="lan", now_us=50)
    after_us = CERTIFICATE.not_after_us
    async with stocked.write() as tx:
        await enrolment.readmit_gateway(tx, GATEWAY, reason="found", actor="lan", now_us=after_us)
        code = await new_code(tx, after_us)

    assert code_refused.value.code == too_early.value.code == "gateway_revoked"
    assert await redeem(stocked, code, now_us=after_us + 1) == GATEWAY


async def test_a_revocation_during_an_enrolment_wins(
    url: str, stocked: Database, open_database: OpenDatabase
) -> None:
    """Whichever order the two end in, nothing of the gateway is left open."""
    async with stocked.write() as tx:
        code = await new_code(tx)

    async def enrol() -> None:
        async with open_database(url).write() as tx:
            await enrolment.redeem_code(tx, code, key_sha256="k", now_us=20)
            await asyncio.sleep(0.1)
            await enrolment.add_certificate(tx, CERTIFICATE, actor="gateway", now_us=20)

    enrolling = asyncio.create_task(enrol())
    await asyncio.sleep(0.05)
    await revoke(open_database(url))
    await asyncio.gather(enrolling, return_exceptions=True)

    async with stocked.read() as tx:
        (access,) = await enrolment.accesses(tx)
        assert access.wanted == "revoked"
        assert all(each.revoked_us for each in await enrolment.certificates(tx))


async def test_a_newer_wish_is_not_taken_as_done_with_an_older_one(stocked: Database) -> None:
    async with stocked.write() as tx:
        await enrolment.add_certificate(tx, CERTIFICATE, actor="gateway", now_us=5)
        (older,) = await enrolment.accesses(tx)
    await revoke(stocked)
    async with stocked.write() as tx:
        await enrolment.mark_applied(tx, older, now_us=40)
        (undone,) = await enrolment.accesses(tx, undone_only=True)
        await enrolment.mark_applied(tx, undone, now_us=41, problem="the broker does not answer")
        (hindered,) = await enrolment.accesses(tx, undone_only=True)

    assert (undone.wanted, undone.version) == ("revoked", 2)
    assert hindered.problem == "the broker does not answer"


async def test_an_unknown_gateway_is_neither_admitted_nor_revoked(database: Database) -> None:
    for refused in (new_code, _revoke_unknown):
        with pytest.raises(Rejected) as caught:
            async with database.write() as tx:
                await refused(tx)
        assert caught.value.code == "not_found"


async def _revoke_unknown(tx: Transaction) -> None:
    await enrolment.revoke_gateway(tx, "gw-nobody", reason="", actor="lan", now_us=1)


async def test_a_difference_is_opened_once_and_closed_when_it_is_gone(database: Database) -> None:
    stays, goes = Difference("unknown_client", "x"), Difference("missing_client", "y", {"topics": 3})
    async with database.write() as tx:
        first = await enrolment.put_differences(tx, [stays, goes], now_us=10)
        second = await enrolment.put_differences(tx, [stays], now_us=20)
        standing = await enrolment.differences(tx)
        all_of_them = await enrolment.differences(tx, resolved_too=True)
        again = await enrolment.put_differences(tx, [stays, goes], now_us=30)

    assert (first[0], first[1]) == ([stays, goes], [])
    assert (second[0], [each.client for each in second[1]]) == ([], ["y"])
    assert [(each.client, each.first_seen_us, each.last_seen_us, each.seen) for each in standing] == [
        ("x", 10, 20, 2)
    ]
    assert [each.resolved_us for each in all_of_them] == [None, 20]
    assert again[0] == [goes]
