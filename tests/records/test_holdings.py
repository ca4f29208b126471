"""What facilities, suppliers and bodies have: kept by version, retired and never deleted, asked for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from oxygen.errors import Permanent, Rejected
from policy.calibration import CalibrationState
from policy.conversion import Outcome, Step, UseReason
from records import audit, migrate, registry
from records.database import Database
from records.engines import Waits, make_engine
from records.registry import Member
from records.registry.holding_models import conversion_step
from tests.records import samples
from tests.records.conftest import OpenDatabase

TODAY = "2021-08-15"
SUPPLIER = registry.Supplier("khi-viet", "Công ty Khí Việt", "Viet Gas")
SITE = registry.SupplierSite("kv-tram", "khi-viet", "filling_station", "Trạm Thủ Đức", "Thu Duc station")
LOT = registry.VesselLot("chai-40", "cylinder", 40.0, 260, "bv-cho-lon", gas_service="industrial")


async def _put(database: Database, *entries: Any, now_us: int = 1) -> None:
    async with database.write() as tx:
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=1)
        for entry in entries:
            await registry.put(tx, entry, actor="lan", now_us=now_us)


async def _refused(database: Database, entry: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.put(tx, entry, actor="lan", now_us=9)
    return caught.value


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (msgspec.structs.replace(samples.FACILITY, icu_beds=-1), "icu_beds"),
        (msgspec.structs.replace(samples.FACILITY, latitude=91.0, longitude=0.0), "latitude"),
        (msgspec.structs.replace(samples.FACILITY, latitude=10.0), "longitude"),
        (msgspec.structs.replace(samples.FACILITY, central_air_year=9), "central_air_year"),
        (msgspec.structs.replace(samples.GATEWAY, calibrated_on="01/07/2021"), "calibrated_on"),
        (msgspec.structs.replace(samples.GATEWAY, calibration_valid_months=0), "calibration_valid_months"),
        (msgspec.structs.replace(SITE, normal_kg_per_day=2.0, max_kg_per_day=1.0), "max_kg_per_day"),
        (msgspec.structs.replace(LOT, site="kv-tram"), "facility"),
        (msgspec.structs.replace(LOT, facility=None), "facility"),
        (msgspec.structs.replace(LOT, shell_l=0.0), "shell_l"),
        (msgspec.structs.replace(LOT, count=-1), "count"),
        (
            msgspec.structs.replace(
                samples.SYSTEM, members=(Member("tank:a", "primary"), Member("tank:a", "reserve"))
            ),
            "members",
        ),
        (msgspec.structs.replace(samples.SYSTEM, members=(Member("facility:a", "primary"),)), "members"),
        (registry.Body("a", "doh", "A", "A", reports_to="a"), "reports_to"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(database: Database, entry: Any, field: str) -> None:
    refused = await _refused(database, entry)

    assert (refused.code, refused.params["field"]) == ("bad_value", field)


async def test_an_entry_of_something_unknown_is_refused(database: Database) -> None:
    await _put(database)

    assert (await _refused(database, SITE)).code == "constraint"
    assert (
        await _refused(database, msgspec.structs.replace(samples.FACILITY, unit="79"))
    ).code == "constraint"


async def test_what_is_retired_is_kept_left_out_and_its_code_never_used_again(database: Database) -> None:
    await _put(database, SUPPLIER, SITE)
    async with database.write() as tx:
        before = await registry.registry_version(tx)
        gone = await registry.retire(
            tx, registry.Bank, "cho-lon-bank", reason=" bán ", actor="minh", now_us=7
        )
        again = await registry.retire(tx, registry.Bank, "cho-lon-bank", reason="x", actor="lan", now_us=8)
        known = await registry.registry(tx)
        kept = await registry.entries(tx, registry.Bank, with_retired=True)
        (entry,) = await audit.entries(tx, subject="bank:cho-lon-bank", limit=1)

    assert (gone.retired_us, gone.retired_reason, again) == (7, "bán", gone)
    assert (known.banks, kept, known.version) == ((), (gone,), before + 1)
    assert (entry.action, entry.actor, entry.reason) == ("registry.retire", "minh", "bán")
    assert (await _refused(database, samples.BANK)).code == "retired"


async def test_a_mistaken_retirement_is_taken_back_as_the_same_thing(database: Database) -> None:
    await _put(database)
    async with database.write() as tx:
        await registry.retire(tx, registry.Bank, "cho-lon-bank", reason="nhầm", actor="lan", now_us=7)
        back = await registry.reinstate(
            tx, registry.Bank, "cho-lon-bank", reason="nhầm", actor="lan", now_us=8
        )

    assert back == msgspec.structs.replace(samples.BANK, version=3)


@pytest.mark.parametrize(
    ("shape", "code", "user"),
    [
        (registry.Facility, "bv-cho-lon", "gateway gw-cho-lon"),
        (registry.Gateway, "gw-cho-lon", "tank cho-lon-1"),
        (registry.SupplySystem, "cho-lon-main", "tank cho-lon-1"),
        (registry.Supplier, "khi-viet", "supplier_site kv-tram"),
    ],
)
async def test_what_is_still_used_is_not_retired(
    database: Database, shape: type[Any], code: str, user: str
) -> None:
    await _put(database, SUPPLIER, SITE)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.retire(tx, shape, code, reason="đóng cửa", actor="lan", now_us=7)
    assert (caught.value.code, caught.value.params["user"]) == ("still_in_use", user)


async def test_nothing_new_is_put_at_what_is_retired(database: Database) -> None:
    await _put(database, SUPPLIER)
    async with database.write() as tx:
        await registry.retire(tx, registry.Supplier, "khi-viet", reason="giải thể", actor="lan", now_us=7)

    assert (await _refused(database, SITE)).params == {"what": "supplier", "key": "khi-viet"}


@pytest.mark.parametrize(
    ("code", "reason", "version", "refusal"),
    [
        ("cho-lon-bank", "", None, "bad_value"),
        ("nowhere", "x", None, "not_found"),
        ("cho-lon-bank", "x", 9, "changed_meanwhile"),
    ],
)
async def test_a_retirement_needs_a_reason_a_thing_and_the_version_that_was_read(
    database: Database, code: str, reason: str, version: int | None, refusal: str
) -> None:
    await _put(database)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.retire(
                tx, registry.Bank, code, reason=reason, actor="lan", now_us=7, expected_version=version
            )
    assert caught.value.code == refusal


async def test_facilities_with_icu_beds_that_lack_a_central_system_are_listed(database: Database) -> None:
    """Unknown is not present; without ICU beds it is no matter."""

    def facility(code: str, icu_beds: int | None, oxygen: str, air: str) -> registry.Facility:
        values = {"code": code, "icu_beds": icu_beds, "central_oxygen": oxygen, "central_air": air}
        return msgspec.structs.replace(samples.FACILITY, **values)

    await _put(
        database,
        facility("both", 20, "present", "present"),
        facility("no-air", 20, "present", "absent"),
        facility("unsaid", 5, "unknown", "present"),
        facility("no-icu", 0, "absent", "absent"),
        facility("no-one-said", None, "absent", "absent"),
        facility("closed", 8, "absent", "absent"),
    )
    async with database.write() as tx:
        await registry.retire(tx, registry.Facility, "closed", reason="x", actor="lan", now_us=7)
        lacking = await registry.lacking_central_systems(tx)
        icu, general, unsaid = await registry.beds(tx)

    assert [each.code for each in lacking] == ["no-air", "unsaid"]
    assert (icu, general, unsaid) == (45, 0, 6)


async def test_vessels_count_as_medical_only_after_their_conversion(database: Database) -> None:
    medical = msgspec.structs.replace(LOT, code="chai-40-y-te", count=40, gas_service="medical")
    await _put(database, LOT, medical)
    async with database.write() as tx:
        before = await registry.vessels_of(tx, "bv-cho-lon", today=TODAY)
        for day, step in enumerate(Step, 1):
            made = registry.ConversionStep(LOT.subject, step, f"2021-08-{day:02}", f"CN-{day}", "Bảo Minh")
            await registry.record_step(tx, made, actor="lan", now_us=day)
        after = await registry.vessels_of(tx, "bv-cho-lon", today=TODAY)

    assert [(each.count, each.medical) for each in before] == [(300, 40)]
    assert [(each.count, each.medical) for each in after] == [(300, 300)]


async def test_nothing_unconverted_is_given_as_medical(database: Database) -> None:
    tank = msgspec.structs.replace(samples.TANK, gas_service="industrial")
    await _put(database, tank)
    async with database.write() as tx:
        await registry.record_step(tx, samples.CONVERSION_STEP, actor="lan", now_us=1)
    with pytest.raises(Rejected) as caught:
        async with database.read() as tx:
            await registry.require_medical(tx, tank.subject, today=TODAY)

    assert caught.value.code == "not_medical"
    assert caught.value.params["reason"] == UseReason.STEPS_MISSING
    assert caught.value.params["steps"] == "vented, valve, test, colour, purity"


async def test_a_conversion_step_is_added_once_audited_and_never_changed(database: Database) -> None:
    await _put(database)
    async with database.write() as tx:
        first = await registry.record_step(tx, samples.CONVERSION_STEP, actor="lan", now_us=5)
        again = await registry.record_step(tx, samples.CONVERSION_STEP, actor="minh", now_us=6)
        taken_back = msgspec.structs.replace(samples.CONVERSION_STEP, outcome=Outcome.WITHDRAWN)
        last = await registry.record_step(tx, taken_back, actor="minh", now_us=7)
        entries = await audit.entries(tx, action="conversion.record")

    assert again == first
    assert (first.recorded_us, first.recorded_by, last.id > first.id) == (5, "lan", True)
    assert [entry.at_us for entry in entries] == [7, 5]
    with pytest.raises(Permanent) as caught:
        async with database.write() as tx:
            await tx.execute(conversion_step.update().values(note="x"))
    assert caught.value.code == "append_only"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"certificate": " "}, "bad_value"),
        ({"done_by": ""}, "bad_value"),
        ({"done_on": "20/7/2021"}, "bad_value"),
        ({"valid_to": "2021-07-19"}, "bad_value"),
        ({"subject": "facility:bv-cho-lon"}, "bad_value"),
        ({"subject": "lot:nowhere"}, "not_found"),
    ],
)
async def test_a_step_without_proof_is_refused(database: Database, values: dict[str, str], code: str) -> None:
    await _put(database)
    step = msgspec.structs.replace(samples.CONVERSION_STEP, **values)
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.record_step(tx, step, actor="lan", now_us=5)
    assert caught.value.code == code


async def test_instruments_that_are_due_are_listed_the_longest_overdue_first(database: Database) -> None:
    def sensor(code: str, on: str | None) -> registry.Sensor:
        return registry.Sensor(
            code, "bv-cho-lon", "pressure", calibrated_on=on, calibration_valid_months=12 if on else None
        )

    await _put(
        database,
        sensor("fine", "2021-08-01"),
        sensor("late", "2020-08-01"),
        sensor("later", "2019-08-01"),
        sensor("soon", "2020-09-01"),
    )
    async with database.read() as tx:
        due = await registry.instruments(tx, today=TODAY)
        everything = await registry.instruments(tx, today=TODAY, only_due=False)

    assert [(each.subject, each.calibration.state) for each in due] == [
        ("sensor:later", CalibrationState.OVERDUE),
        ("sensor:late", CalibrationState.OVERDUE),
        ("sensor:soon", CalibrationState.DUE_SOON),
        ("gateway:gw-cho-lon", CalibrationState.UNKNOWN),
    ]
    assert len(everything) == 5


async def test_who_supplies_a_hospital_is_known_with_the_place(database: Database) -> None:
    other = registry.Supplier("khi-nam", "Khí Nam", "South Gas")
    links = (
        registry.SupplyLink("a", "khi-nam", "bv-cho-lon", role="backup"),
        registry.SupplyLink("b", "khi-viet", "bv-cho-lon", "kv-tram"),
    )
    await _put(database, SUPPLIER, other, SITE, *links)
    async with database.read() as tx:
        sources = await registry.sources_of(tx, "bv-cho-lon")

    assert [(each.supplier.code, each.site and each.site.code) for each in sources] == [
        ("khi-viet", "kv-tram"),
        ("khi-nam", None),
    ]


async def test_reporting_follows_the_body_whatever_the_place(database: Database) -> None:
    bodies = (
        registry.Body("moh", "moh", "Bộ Y tế", "Ministry of Health"),
        registry.Body("mod", "ministry_health_service", "Cục Quân y", "Military health"),
        registry.Body("doh", "doh", "Sở Y tế", "Department of Health", reports_to="moh"),
    )
    city = msgspec.structs.replace(samples.FACILITY, body="doh")
    military = msgspec.structs.replace(samples.FACILITY, code="bv-175", body="mod")
    await _put(database, *bodies, city, military)
    async with database.read() as tx:
        line = await registry.reporting_line(tx, city)
        under = {
            code: [each.code for each in await registry.facilities_under(tx, code)]
            for code in ("moh", "doh", "mod")
        }

    assert [body.code for body in line] == ["doh", "moh"]
    assert under == {"moh": ["bv-cho-lon"], "doh": ["bv-cho-lon"], "mod": ["bv-175"]}


def test_a_system_is_used_by_part_and_order() -> None:
    system = msgspec.structs.replace(
        samples.SYSTEM,
        members=(
            Member("bank:c", "reserve"),
            Member("tank:b2", "secondary", 1),
            Member("tank:a", "primary", 5),
            Member("tank:b1", "secondary", 1),
            Member("tank:b3", "secondary", 2),
        ),
    )

    assert [[member.subject for member in step] for step in system.order_of_use()] == [
        ["tank:a"],
        ["tank:b2", "tank:b1"],
        ["tank:b3"],
        ["bank:c"],
    ]


async def test_the_migration_keeps_what_was_stored_before_it_both_ways(
    empty_url: str, open_database: OpenDatabase
) -> None:
    await migrate.upgrade(empty_url, "0007_person_keys")
    engine = make_engine(empty_url, Waits())
    async with engine.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO facility (code, name_vi, name_en, shard, place, governing_body, officer_name,"
            " officer_phone, simulated, version) VALUES ('bv', 'Bệnh viện', 'Hospital', 'hcm', 'Quận 5',"
            " 'Sở Y tế', '', '', false, 3)"
        )
        await connection.exec_driver_sql(
            "INSERT INTO gateway (code, facility, version) VALUES ('gw', 'bv', 1)"
        )
    await engine.dispose()
    database = open_database(empty_url)
    await migrate.upgrade(empty_url, "0008_units_and_registry")
    await migrate.downgrade(empty_url, "0007_person_keys")
    await database.migrate()
    async with database.read() as tx:
        known = await registry.registry(tx)

    assert known.facilities[0] == registry.Facility(
        "bv", "Bệnh viện", "Hospital", "hcm", place="Quận 5", governing_body="Sở Y tế", version=3
    )
    assert known.gateways == (registry.Gateway("gw", "bv", 1),)
