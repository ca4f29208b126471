"""The registry as files: what is wrong is told by row and column, and an export comes back unchanged."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import msgspec
import pytest
from openpyxl import Workbook, load_workbook

from oxygen.errors import Rejected
from oxygen.messages import LOCALES
from policy.conversion import Outcome, Step
from records import audit, registry, units
from records.database import Database, Transaction
from records.registry import exchange
from records.registry.exchange import ImportPlan, read_upload
from records.registry.exchange.files import MOST_BYTES
from records.units import Unit, UnitFile
from tests.records import samples

TANK_HEAD = (
    "code;facility;name_vi;name_en;orientation;inner_diameter_m;cylinder_length_m;head;working_pressure_bar"
)
TANK_ROW = "tank-2;bv-cho-lon;Bồn số 2;Tank 2;vertical;2,2;5,1;ellipsoidal;16"
HOLDINGS = (
    registry.Body("moh", "moh", "Bộ Y tế", "Ministry of Health"),
    registry.Body("doh-hcm", "doh", "Sở Y tế TP.HCM", "HCMC Department of Health", "79", "moh"),
    msgspec.structs.replace(
        samples.FACILITY,
        unit="79",
        address="201 Nguyễn Chí Thanh; cổng 2",
        latitude=10.7575,
        longitude=106.6597,
        body="doh-hcm",
        icu_beds=120,
        general_beds=1800,
        central_oxygen="present",
        central_oxygen_year=2009,
        oxygen_terminal_units=950,
    ),
    registry.Supplier("khi-viet", "Công ty Khí Việt", "Viet Gas", representative="=cmd|' /C calc'!A0"),
    registry.SupplierSite(
        "kv-plant",
        "khi-viet",
        "plant",
        "Nhà máy Bình Dương",
        "Binh Duong plant",
        normal_kg_per_day=12_345.678,
        max_kg_per_day=20_000.0,
        convertible=True,
    ),
    registry.SupplyLink("cl-kv", "khi-viet", "bv-cho-lon", "kv-plant", "backup"),
    msgspec.structs.replace(samples.GATEWAY, calibrated_on="2021-07-01", calibration_valid_months=24),
    msgspec.structs.replace(
        samples.SYSTEM,
        members=(
            registry.Member("tank:cho-lon-1", "primary"),
            registry.Member("bank:cho-lon-bank", "reserve", 2),
        ),
    ),
    msgspec.structs.replace(samples.TANK, gas_service="industrial", industrial_since="2019-01-01"),
    registry.Tank(
        "cho-lon-2",
        "bv-cho-lon",
        "Bồn số 2",
        "Tank 2",
        {"orientation": "horizontal", "strapping": [[0.0, 0.0], [0.1, 0.35], [1.9, 12.5]]},
        1_234_567.0,
    ),
    samples.BANK,
    registry.Sensor("dp-1", "bv-cho-lon", "differential_pressure", "gw-cho-lon", "cho-lon-1"),
    registry.VesselLot("chai-40", "cylinder", 40.0, 260, "bv-cho-lon", full_pressure_pa=15_101_325.0),
    registry.VesselLot("kv-175", "portable_liquid", 175.0, 12, site="kv-plant", gas_service="industrial"),
)
STEP = registry.ConversionStep(
    "lot:kv-175", Step.CLEANED, "2021-07-20", "CN-1", "Bảo Minh", Outcome.FAILED, "2022-07-20", "dầu"
)


async def _fill(tx: Transaction) -> None:
    place = Unit("79", "province", "thanh-pho", "Thành phố Hồ Chí Minh", "Ho Chi Minh City", "2021-01-01")
    await units.import_units(tx, UnitFile((place,)), actor="lan", now_us=1)
    for entry in HOLDINGS:
        await registry.put(tx, entry, actor="lan", now_us=1)
    await registry.record_step(tx, STEP, actor="lan", now_us=1)


async def _dry(database: Database, name: str, content: str | bytes, **options: Any) -> ImportPlan:
    data = content.encode() if isinstance(content, str) else content
    async with database.read() as tx:
        return await exchange.plan_import(tx, read_upload(name, data), **options)


def _told(plan: ImportPlan) -> set[tuple[int, str, str]]:
    for problem in plan.problems:
        for locale in LOCALES:
            told = problem.text(locale)
            assert not told.startswith("import_problem"), told
            assert "{" not in told, told
    return {(problem.row, problem.column, problem.code) for problem in plan.problems}


@pytest.fixture
async def filled(database: Database) -> Database:
    """The registry with one entry of every kind."""
    async with database.write() as tx:
        await _fill(tx)
    return database


async def test_an_exported_workbook_comes_back_without_a_change(filled: Database) -> None:
    async with filled.read() as tx:
        sheets = await exchange.export(tx)
    assert [sheet.name for sheet, rows in sheets if not rows] == []

    plan = await _dry(filled, "registry.xlsx", exchange.to_xlsx(sheets))

    assert plan.problems == ()
    assert {change.action for change in plan.changes} == {"same"}
    assert len(plan.changes) == len(HOLDINGS) + 1


@pytest.mark.parametrize("delimiter", [";", ","])
async def test_an_exported_csv_comes_back_without_a_change(filled: Database, delimiter: str) -> None:
    """Decimal commas, fractions of a tonne, semicolons within a cell, and what looks like a formula."""
    async with filled.read() as tx:
        sheets = await exchange.export(tx)
    for sheet, rows in sheets:
        content = exchange.to_csv(sheet, rows, delimiter=delimiter)
        plan = await _dry(filled, f"{sheet.name}.csv", content)

        assert (sheet.name, plan.problems) == (sheet.name, ())
        assert {change.action for change in plan.changes} == {"same"}


async def test_an_export_filled_into_an_empty_registry_is_that_registry(
    filled: Database, open_database: Any, tmp_path: Any
) -> None:
    other = open_database(f"sqlite:///{tmp_path / 'other.sqlite'}")
    await other.migrate()
    async with filled.read() as tx:
        sheets = await exchange.export(tx)
        wanted = await registry.registry(tx)
        place = await units.get_unit(tx, "79")
    upload = read_upload("registry.xlsx", exchange.to_xlsx(sheets, "en"))
    async with other.write() as tx:
        await units.import_units(tx, UnitFile((place,)), actor="lan", now_us=1)
        done = await exchange.apply_import(tx, upload, actor="minh", now_us=2)
        again = await exchange.apply_import(tx, upload, actor="minh", now_us=3)
        found = await registry.registry(tx)
        entries = await audit.entries(tx, limit=1000)

    assert msgspec.structs.replace(found, version=wanted.version) == wanted
    assert (done.count("add"), again.count("same")) == (len(HOLDINGS) + 1, len(HOLDINGS) + 1)
    assert 3 not in {entry.at_us for entry in entries}


async def test_a_dry_run_changes_nothing_and_tells_what_would_change(filled: Database) -> None:
    content = f"{TANK_HEAD};lead_time_h\n{TANK_ROW};36\ncho-lon-1;;;;;;;;;48,5\n"
    plan = await _dry(filled, "tank.csv", content)
    assert _told(plan) == {
        (3, column, "missing_value")
        for column in ("facility", "name_vi", "name_en", "orientation", "working_pressure_bar")
    }

    plan = await _dry(filled, "tank.csv", f"{TANK_HEAD}\n{TANK_ROW}\n")
    short = await _dry(filled, "tank.csv", "code;lead_time_h\ncho-lon-1;48,5\n")

    assert [(change.key, change.action) for change in plan.changes] == [("tank-2", "add")]
    assert [(change.key, change.fields) for change in short.changes] == [("cho-lon-1", ("lead_time_h",))]
    async with filled.read() as tx:
        known = await registry.registry(tx)
        assert known.version == plan.registry_version
        assert known.tank("tank-2") is None


async def test_a_column_left_out_keeps_what_is_stored_and_an_empty_cell_says_not_known(
    filled: Database,
) -> None:
    upload = read_upload("facility.csv", b"code;icu_beds;central_oxygen\nbv-cho-lon;;\n")
    async with filled.write() as tx:
        await exchange.apply_import(tx, upload, actor="minh", now_us=2)
        facility = (await registry.registry(tx)).facility("bv-cho-lon")

    assert facility is not None
    assert (facility.icu_beds, facility.central_oxygen) == (None, "unknown")
    assert (facility.general_beds, facility.address) == (1800, "201 Nguyễn Chí Thanh; cổng 2")


WRONG_CELLS = (
    ("code", "Bồn 2", "not_a_code"),
    ("facility", "bv-nowhere", "unknown_reference"),
    ("orientation", "slanted", "not_a_choice"),
    ("inner_diameter_m", "2.205", "ambiguous_number"),
    ("inner_diameter_m", "1.500,5", "ambiguous_number"),
    ("inner_diameter_m", "2,2,1", "ambiguous_number"),
    ("inner_diameter_m", "wide", "not_a_number"),
    ("inner_diameter_m", "220 cm", "wrong_unit"),
    ("inner_diameter_m", "2200", "out_of_range"),
    ("working_pressure_bar", "1600 kPa", "wrong_unit"),
    ("working_pressure_bar", "1600", "out_of_range"),
    ("working_pressure_bar", "#REF!", "formula_error"),
    ("head", "", "bad_geometry"),
    ("name_vi", "", "missing_value"),
    ("name_vi", "x" * 3000, "too_long"),
)


async def test_a_wrong_cell_is_told_by_row_column_and_what_was_expected(filled: Database) -> None:
    """The row counts as in the spreadsheet, the empty line too."""
    for column, value, code in WRONG_CELLS:
        cells = dict(zip(TANK_HEAD.split(";"), TANK_ROW.split(";"), strict=True)) | {column: value}
        plan = await _dry(filled, "tank.csv", ";".join(cells) + "\n\n" + ";".join(cells.values()) + "\n")

        assert (3, column, code) in _told(plan)


async def test_nothing_is_stored_while_one_row_is_wrong(filled: Database) -> None:
    upload = read_upload("tank.csv", f"{TANK_HEAD}\n{TANK_ROW}\nB 3;;;;;;;;\n".encode())
    with pytest.raises(Rejected) as caught:
        async with filled.write() as tx:
            await exchange.apply_import(tx, upload, actor="minh", now_us=2)

    assert (caught.value.code, caught.value.params) == ("import_has_problems", {"count": 1})
    async with filled.read() as tx:
        assert (await registry.registry(tx)).tank("tank-2") is None


async def test_numbers_are_read_as_a_vietnamese_spreadsheet_writes_them(filled: Database) -> None:
    for written, stored in (("2,205", 2.205), ("2.2", 2.2), ("2,2 m", 2.2), ("3", 3.0)):
        content = f"{TANK_HEAD}\n{TANK_ROW}\n".replace(";2,2;", f";{written};")
        async with filled.write() as tx:
            upload = read_upload("tank.csv", content.encode("utf-8-sig"))
            await exchange.apply_import(tx, upload, actor="minh", now_us=2)
            tank = (await registry.registry(tx)).tank("tank-2")

        assert tank is not None
        assert tank.geometry["inner_diameter_m"] == stored
        assert tank.working_pressure_pa == 1_600_000.0


WRONG_FILES: tuple[tuple[str, str | bytes, tuple[int, str, str]], ...] = (
    (
        "sensor.csv",
        "code;facility;kind\na;bv-cho-lon;flow\na;bv-cho-lon;flow\n",
        (3, "code", "duplicate"),
    ),
    ("sensor.csv", "code;facility;kind;colour\n", (0, "colour", "unknown_column")),
    ("sensor.csv", "facility;kind\nbv-cho-lon;flow\n", (0, "code", "missing_column")),
    ("sensor.csv", "một;hai;ba\n1;2;3\n", (0, "", "missing_header")),
    ("vessel_lot.csv", "code;kind;shell_l;count\na;cylinder;40;2,5\n", (2, "count", "not_whole")),
    ("vessel_lot.csv", "code;kind;shell_l;count\na;cylinder;40;2\n", (2, "facility", "out_of_range")),
    (
        "vessel_lot.csv",
        "code;kind;shell_l;count;facility;industrial_since\na;cylinder;40;2;bv-cho-lon;32/07/2021\n",
        (2, "industrial_since", "not_a_date"),
    ),
    ("facility.csv", "code;shard\nbv-cho-lon;moi\n", (2, "shard", "shard_fixed")),
    ("facility.csv", "code;unit\nbv-cho-lon;99\n", (2, "unit", "unknown_reference")),
    (
        "supply_system.csv",
        "code;members\ncho-lon-main;tank:cho-lon-9=primary\n",
        (2, "members", "unknown_reference"),
    ),
    ("conversion_step.csv", "subject;step\ntank:x;polished\n", (2, "step", "not_a_choice")),
    ("people.csv", "code\n", (0, "", "unknown_sheet")),
    ("tank.csv", b"code;name_vi\na;B\xf4n\n", (0, "", "not_utf8")),
    ("tank.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, (0, "", "wrong_type")),
    ("tank.xlsx", b"PK\x03\x04 and nothing else", (0, "", "unreadable")),
    ("tank.csv", b"x" * (MOST_BYTES + 1), (0, "", "too_large")),
    ("tank.csv", "code\n" + "a\n" * 50_005, (50_006, "", "too_many_rows")),
)


async def test_a_file_that_cannot_be_taken_is_refused_with_the_reason(filled: Database) -> None:
    for name, content, told in WRONG_FILES:
        assert told in _told(await _dry(filled, name, content))


async def test_an_entry_may_not_refer_to_another_hospitals_gateway(filled: Database) -> None:
    other = registry.Facility("bv-thu-duc", "Bệnh viện Thủ Đức", "Thu Duc", "hcm")
    async with filled.write() as tx:
        await registry.put_facility(tx, other, actor="lan", now_us=2)
    plan = await _dry(filled, "sensor.csv", "code;facility;kind;gateway\na;bv-thu-duc;flow;gw-cho-lon\n")

    assert _told(plan) == {(2, "gateway", "other_facility")}


async def test_a_retired_code_is_never_used_again_and_cannot_be_referred_to(filled: Database) -> None:
    async with filled.write() as tx:
        await registry.retire(tx, registry.Sensor, "dp-1", reason="hỏng", actor="lan", now_us=2)
        await registry.retire(tx, registry.SupplyLink, "cl-kv", reason="hết hạn", actor="lan", now_us=2)
    again = await _dry(filled, "sensor.csv", "code;facility;kind\ndp-1;bv-cho-lon;flow\n")

    assert _told(again) == {(2, "code", "retired")}
    async with filled.read() as tx:
        assert {sheet.name: rows for sheet, rows in await exchange.export(tx)}["sensor"] == []


async def test_who_may_change_one_hospital_brings_in_and_sees_nothing_of_another(filled: Database) -> None:
    other = registry.Facility("bv-thu-duc", "Bệnh viện Thủ Đức", "Thu Duc", "hcm")
    async with filled.write() as tx:
        await registry.put_facility(tx, other, actor="lan", now_us=2)
    plans = [
        await _dry(filled, "sensor.csv", f"code;facility;kind\na;{code};flow\n", facilities={"bv-thu-duc"})
        for code in ("bv-thu-duc", "bv-cho-lon")
    ]
    taken = await _dry(filled, "sensor.csv", "code;facility\ndp-1;bv-thu-duc\n", facilities={"bv-thu-duc"})
    body = await _dry(filled, "body.csv", "code;name_vi\nmoh;Khác\n", facilities={"bv-thu-duc"})
    async with filled.read() as tx:
        seen = {sheet.name: rows for sheet, rows in await exchange.export(tx, facilities={"bv-thu-duc"})}

    assert [_told(plan) for plan in plans] == [set(), {(2, "code", "outside_scope")}]
    assert (2, "code", "outside_scope") in _told(taken)
    assert _told(body) == {(2, "code", "outside_scope")}
    assert {name: len(rows) for name, rows in seen.items() if rows} == {"facility": 1}


async def test_what_was_shown_is_what_is_stored(filled: Database) -> None:
    """A change by somebody else between dry run and import stops the import."""
    upload = read_upload("tank.csv", f"{TANK_HEAD}\n{TANK_ROW}\n".encode())
    async with filled.read() as tx:
        plan = await exchange.plan_import(tx, upload)
    async with filled.write() as tx:
        renamed = msgspec.structs.replace(samples.BANK, cylinder_count=21)
        await registry.put_bank(tx, renamed, actor="lan", now_us=2)

    with pytest.raises(Rejected) as caught:
        async with filled.write() as tx:
            await exchange.apply_import(
                tx, upload, actor="minh", now_us=3, expected_registry_version=plan.registry_version
            )
    assert caught.value.code == "changed_meanwhile"


async def test_bodies_may_stand_in_any_order_and_name_each_other(database: Database) -> None:
    content = "code;kind;name_vi;reports_to\nc;other;C;b\nb;doh;B;a\na;moh;A;\n"
    async with database.write() as tx:
        await exchange.apply_import(tx, read_upload("body.csv", content.encode()), actor="lan", now_us=1)
        bodies = await registry.entries(tx, registry.Body)

    assert [(body.code, body.reports_to, body.name_en) for body in bodies] == [
        ("a", None, "A"),
        ("b", "a", "B"),
        ("c", "b", "C"),
    ]


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_template_is_filled_in_below_its_notes(database: Database, locale: str) -> None:
    """Headings and notes are in the reader's language, the codes are the same in both."""
    workbook = load_workbook(io.BytesIO(exchange.to_xlsx(exchange.template(), locale)))
    page = workbook.worksheets[1]
    headings, codes, told = ([cell.value for cell in row] for row in page.iter_rows(max_row=3))
    page.append(["doh-hcm", "sở y tế", "Sở Y tế", "Department of Health", None, None])
    file = io.BytesIO()
    workbook.save(file)

    assert codes == ["code", "kind", "name_vi", "name_en", "area", "reports_to"]
    assert headings[1] == {"vi": "Loại", "en": "Kind"}[locale]
    assert all(not str(text).startswith("import_") for text in (*headings, *told))
    plan = await _dry(database, "filled.xlsx", file.getvalue())
    assert (plan.problems, [change.key for change in plan.changes]) == ((), ["doh-hcm"])


async def test_every_column_has_a_heading_and_a_note_in_both_languages() -> None:
    for sheet, _ in exchange.template():
        for locale in LOCALES:
            written = exchange.to_csv(sheet, [], locale).decode("utf-8-sig")
            assert "import_" not in written
            assert "choice." not in written
            assert "{" not in written


async def test_a_workbook_that_unpacks_to_too_much_is_not_opened() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", "<x/>")
        for part in range(3):
            packed.writestr(f"xl/worksheets/sheet{part}.xml", b" " * 80_000_000)

    assert len(file.getvalue()) < 1_000_000
    assert [each.code for each in read_upload("bomb.xlsx", file.getvalue()).problems] == ["too_large"]


async def test_a_damaged_workbook_is_told_to_be_so() -> None:
    """Entities that grow without end among the damage; and a cell far out on the right."""
    good = exchange.to_xlsx(exchange.template(["sensor"]))
    evil = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'

    def changed(part: str, old: str, new: str) -> list[str]:
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(file, "w") as target:
            for name in source.namelist():
                content = source.read(name).decode()
                assert name != part or old in content
                target.writestr(name, content.replace(old, new) if name == part else content)
        return [problem.code for problem in read_upload("a.xlsx", file.getvalue()).problems]

    assert changed("xl/worksheets/sheet2.xml", "<worksheet", f"{evil}<worksheet") == ["unreadable"]
    assert changed("xl/workbook.xml", "<sheets>", "<sheets><") == ["unreadable"]
    assert changed("[Content_Types].xml", "ContentType=", "X=") == ["unreadable"]
    assert changed("xl/worksheets/sheet2.xml", "<worksheet", "<worksheet") == []


async def test_spreadsheet_values_keep_their_meaning(filled: Database) -> None:
    """A date as a date, a code that became a number, a number that is a text, an unknown sheet."""
    workbook = Workbook()
    page = workbook.active
    assert page is not None
    page.title = "sensor"
    page.append(["code", "facility", "kind", "installed_on", "calibration_valid_months"])
    page.append([7, "bv-cho-lon", "lưu lượng", date(2021, 8, 1), "24"])
    file = io.BytesIO()
    workbook.save(file)
    async with filled.write() as tx:
        await exchange.apply_import(tx, read_upload("a.xlsx", file.getvalue()), actor="lan", now_us=2)
        sensor = (await registry.entries(tx, registry.Sensor))[0]
    workbook.create_sheet("Sheet9")
    workbook.save(file := io.BytesIO())

    assert (sensor.code, sensor.kind, sensor.installed_on) == ("7", "flow", "2021-08-01")
    assert sensor.calibration_valid_months == 24
    assert [each.code for each in read_upload("a.xlsx", file.getvalue()).problems] == ["unknown_sheet"]


async def test_text_of_a_person_never_becomes_a_formula(filled: Database) -> None:
    async with filled.read() as tx:
        sheets = await exchange.export(tx, sheets={"supplier"})
    (sheet, rows) = sheets[0]
    workbook = load_workbook(io.BytesIO(exchange.to_xlsx(sheets)))
    cell = workbook.worksheets[1]["D4"]

    assert (cell.data_type, cell.value) == ("s", "=cmd|' /C calc'!A0")
    assert "'=cmd" in exchange.to_csv(sheet, rows).decode("utf-8-sig")
