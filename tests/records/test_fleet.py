"""The fleet: desired configurations that stay, and what gateways say."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from oxygen.errors import Rejected
from oxygen.wire.payloads import GatewayState
from records import audit, fleet, registry
from records.database import Database
from records.fleet import GatewayHealth, ReportedConfig
from tests.records import samples

GATEWAY = samples.GATEWAY.code
STATE = GatewayState(v=1, online=True, boot="b", epoch="e", software="oxywatch 1", clock_synchronised=True)


@pytest.fixture
async def stocked(database: Database) -> Database:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
    return database


async def put(database: Database, body: str, expected_version: int | None = None) -> fleet.DesiredConfig:
    async with database.write() as tx:
        return await fleet.put_config(
            tx, GATEWAY, body, note="why", actor="lan", now_us=9, expected_version=expected_version
        )


async def test_versions_count_up_and_stay(stocked: Database) -> None:
    first, again, second = [await put(stocked, body) for body in ("a = 1\n", "a = 1\n", "a = 'ô'\n")]
    async with stocked.read() as tx:
        kept = await fleet.config_versions(tx, GATEWAY)
        desired = await fleet.desired_configs(tx)
        entries = await audit.entries(tx, action="gateway.configure")

    assert (first.version, again.version, second.version) == (1, 1, 2)
    assert kept == [second, first]
    assert desired == {GATEWAY: second}
    assert second.sha256 == hashlib.sha256("a = 'ô'\n".encode()).hexdigest()
    assert [entry.detail["version"] for entry in entries] == [2, 1]


async def test_an_earlier_version_comes_back_as_a_new_one(stocked: Database) -> None:
    first = await put(stocked, "a = 1\n")
    await put(stocked, "a = 2\n")
    async with stocked.write() as tx:
        back = await fleet.restore_config(tx, GATEWAY, 1, actor="lan", now_us=10)
        with pytest.raises(Rejected, match="there is no"):
            await fleet.restore_config(tx, GATEWAY, 7, actor="lan", now_us=10)

    assert (back.version, back.body, back.sha256) == (3, first.body, first.sha256)


async def test_a_change_based_on_another_version_is_refused(stocked: Database) -> None:
    await put(stocked, "a = 1\n", expected_version=0)
    with pytest.raises(Rejected) as caught:
        await put(stocked, "a = 2\n", expected_version=0)

    assert caught.value.code == "changed_meanwhile"


async def test_a_body_that_fits_no_message_is_refused(stocked: Database) -> None:
    with pytest.raises(Rejected) as caught:
        await put(stocked, "ô" * 40_000)

    assert caught.value.code == "bad_value"


async def test_an_unknown_gateway_gets_no_configuration(database: Database) -> None:
    with pytest.raises(Rejected):
        await put(database, "a = 1\n")


async def test_what_a_gateway_reports_replaces_what_it_said_before(stocked: Database) -> None:
    refused = ReportedConfig(GATEWAY, 2, "ab", ok=False, error="poll.every_s", reported_us=5)
    taken = ReportedConfig(GATEWAY, 3, "cd", ok=True, error="", reported_us=6)
    async with stocked.write() as tx:
        await fleet.report_config(tx, refused)
        first = await fleet.reported_configs(tx)
        await fleet.report_config(tx, taken)
        second = await fleet.reported_configs(tx)

    assert (first, second) == ({GATEWAY: refused}, {GATEWAY: taken})


async def test_a_last_will_does_not_look_like_the_gateway_speaking(stocked: Database) -> None:
    alive = GatewayHealth(GATEWAY, "bv-cho-lon", STATE, 10, 10)
    will = GatewayHealth(GATEWAY, "bv-cho-lon", msgspec.structs.replace(STATE, online=False), 20, None)
    async with stocked.write() as tx:
        await fleet.put_healths(tx, [alive])
        await fleet.put_healths(tx, [will])
        kept = (await fleet.healths(tx))[GATEWAY]

    assert (kept.received_us, kept.last_online_us, kept.state.online) == (20, 10, False)
