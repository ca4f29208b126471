"""What exists, and the limits of rules."""

from __future__ import annotations

import msgspec
import pytest

from oxygen.errors import Rejected
from records import audit, registry
from records.database import Database
from tests.records import samples


async def test_an_import_is_read_back_whole_and_in_vietnamese(database: Database) -> None:
    async with database.write() as tx:
        stored = await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)

    async with database.read() as tx:
        assert await registry.registry(tx) == stored
    assert stored.facilities[0].name_vi == "Bệnh viện Chợ Lớn (mô phỏng)"
    assert stored.tanks == (msgspec.structs.replace(samples.TANK, version=1),)
    assert stored.systems[0].members == (registry.Member("tank:cho-lon-1", "primary"),)
    assert stored.version == 5


async def test_the_same_import_again_changes_nothing(database: Database) -> None:
    async with database.write() as tx:
        first = await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        again = await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=2)
        entries = await audit.entries(tx)

    assert again == first
    assert {entry.at_us for entry in entries} == {1}


async def test_a_change_raises_the_version_that_programs_watch_and_is_audited(database: Database) -> None:
    async with database.write() as tx:
        before = await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        moved = msgspec.structs.replace(samples.TANK, lead_time_h=36.0)
        stored = await registry.put_tank(tx, moved, actor="minh", now_us=2)
        version = await registry.registry_version(tx)
        (entry,) = await audit.entries(tx, subject="tank:cho-lon-1", limit=1)

    assert (stored.version, stored.lead_time_h) == (2, 36.0)
    assert version == before.version + 1
    assert (entry.actor, entry.action, entry.at_us) == ("minh", "registry.put", 2)
    assert (entry.before or {})["lead_time_h"] == 24.0
    assert (entry.after or {})["lead_time_h"] == 36.0


async def test_a_change_based_on_an_older_version_is_refused(database: Database) -> None:
    async with database.write() as tx:
        await registry.put_facility(tx, samples.FACILITY, actor="lan", now_us=1, expected_version=0)
        renamed = msgspec.structs.replace(samples.FACILITY, name_en="Cho Lon")
        await registry.put_facility(tx, renamed, actor="lan", now_us=2, expected_version=1)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.put_facility(tx, samples.FACILITY, actor="minh", now_us=3, expected_version=1)
    assert caught.value.code == "changed_meanwhile"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "Bồn 1"}, "tank.code"),
        ({"working_pressure_pa": 0.0}, "working_pressure_pa"),
        ({"working_pressure_pa": float("nan")}, "working_pressure_pa"),
        ({"heel_fraction": 0.95}, "heel_fraction"),
        ({"fill_limit_fraction": 1.2}, "heel_fraction"),
        ({"expected_every_s": 0.0}, "expected_every_s"),
    ],
)
async def test_an_impossible_tank_is_refused_with_the_field(
    database: Database, change: dict[str, object], field: str
) -> None:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.put_tank(
                tx, msgspec.structs.replace(samples.TANK, **change), actor="lan", now_us=2
            )
    assert caught.value.code == "bad_value"
    assert caught.value.params["field"] == field


async def test_limits_count_versions_per_scope_and_the_newest_counts(database: Database) -> None:
    async def put(kind: str, code: str, percent: int) -> registry.RuleSetting:
        return await registry.put_rule_setting(
            tx,
            rule="low_stock",
            scope_kind=kind,
            scope_code=code,
            params={"reorder_percent": percent},
            actor="lan",
            now_us=percent,
        )

    async with database.write() as tx:
        start = await registry.registry_version(tx)
        await put("default", "", 30)
        await put("tank", "cho-lon-1", 40)
        second = await put("default", "", 35)
        same = await put("default", "", 35)
        newest = await registry.rule_settings(tx)
        history = await registry.rule_history(tx, "low_stock", "default", "")
        end = await registry.registry_version(tx)

    assert same == second
    assert {(each.scope_kind, each.version, each.params["reorder_percent"]) for each in newest} == {
        ("default", 2, 35),
        ("tank", 1, 40),
    }
    assert [each.params["reorder_percent"] for each in history] == [35, 30]
    assert end == start + 3


@pytest.mark.parametrize(
    ("kind", "code"), [("planet", "earth"), ("tank", ""), ("tank", "Bồn"), ("default", "hcm")]
)
async def test_a_limit_for_no_known_scope_is_refused(database: Database, kind: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.put_rule_setting(
                tx, rule="low_stock", scope_kind=kind, scope_code=code, params={}, actor="lan", now_us=1
            )
    assert caught.value.code == "bad_value"
