"""Daily reports: what stands on them, and that a correction never hides what was there before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from oxygen.local_time import from_us, local_day
from oxygen.units import BOILING_LIQUID_KG_PER_L
from records import reports
from records.reports import Correction
from tests.api import demo
from tests.api.conftest import Site, form_token
from tests.api.server import now_us

FACILITY = "bv-thu-duc"
FIGURE = "tank:thu-duc-1.consumed"


def yesterday() -> str:
    return (local_day(now_us()) - timedelta(days=1)).isoformat()


def report(client: httpx.Client, facility: str = FACILITY, **query: int) -> Any:
    answer = client.get(f"/api/v1/reports/{facility}/{yesterday()}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def correct(client: httpx.Client, **body: object) -> httpx.Response:
    token = client.get("/api/v1/session").json()["csrf_token"]
    whole = {"figure": FIGURE, "value_kg": 1500.0, "note": "Đọc đồng hồ", "version": 0, **body}
    path = f"/api/v1/reports/{FACILITY}/{yesterday()}/corrections"
    return client.post(path, json=whole, headers={"X-CSRF-Token": token})


def test_an_automatic_figure_says_which_readings_it_is_from(admin: httpx.Client, site: Site) -> None:
    figure = report(admin)["tanks"][0]["figures"]["opening"]

    assert figure["provenance"] == "automatic"
    assert figure["source"]["subject"] == "tank:thu-duc-1"
    assert from_us(figure["source"]["from_us"]).strftime("%H:%M") == "17:00"  # midnight in Viet Nam
    assert figure["litres"] == pytest.approx(figure["kg"] / 1.1412)
    assert figure["nm3"] == pytest.approx(figure["kg"] * 0.6998)


def test_the_day_adds_up(admin: httpx.Client) -> None:
    for tank in report(admin, "bv-cho-lon", version=0)["tanks"]:
        kg = {name: figure["kg"] for name, figure in tank["figures"].items()}

        assert kg["opening"] + kg["refilled"] - kg["consumed"] == pytest.approx(kg["closing"])
        assert kg["refilled"] == pytest.approx(sum(one["kg"] for one in tank["refills"]))


def test_a_correction_makes_a_version_and_the_earlier_ones_stay_readable(own_site: Site) -> None:
    with own_site.sign_in() as client:
        before = report(client)["tanks"][0]["figures"]["consumed"]["kg"]
        first = correct(client)
        second = correct(client, value_kg=1600.0, note="Đọc lại", version=1)

        assert (first.status_code, second.status_code) == (201, 201)
        newest = report(client)["tanks"][0]["figures"]["consumed"]
        assert (newest["kg"], newest["provenance"], newest["note"]) == (1600.0, "typed", "Đọc lại")
        assert newest["automatic_kg"] == before
        assert report(client, version=1)["tanks"][0]["figures"]["consumed"]["kg"] == 1500.0
        assert report(client, version=0)["tanks"][0]["figures"]["consumed"]["kg"] == before
        versions = client.get(f"/api/v1/reports/{FACILITY}/{yesterday()}/versions").json()
        assert [(one["version"], one["author"]) for one in versions] == [(2, "admin"), (1, "admin")]
        page = client.get(f"/reports/{FACILITY}/{yesterday()}").text
        for text in ("1.600 kg", "Đọc lại", "Phiên bản 1", "Phiên bản 2", "1.500 kg → 1.600 kg"):
            assert text in page


def test_other_corrections_are_carried_over_and_one_can_be_taken_back(own_site: Site) -> None:
    with own_site.sign_in() as client:
        correct(client)
        correct(client, figure="tank:thu-duc-1.opening", value_kg=None, version=1, note="Không đọc được")
        both = report(client)["tanks"][0]["figures"]
        assert both["consumed"]["kg"] == 1500.0
        assert (both["opening"]["kg"], both["opening"]["provenance"]) == (None, "typed")

        correct(client, restore=True, version=2, note="Nhầm")
        after = report(client)["tanks"][0]["figures"]
        assert after["consumed"]["provenance"] == "automatic"
        assert after["opening"]["provenance"] == "typed"


def test_two_people_cannot_overwrite_each_other(own_site: Site) -> None:
    with own_site.sign_in() as client:
        correct(client)
        late = correct(client, value_kg=1.0)

        assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
        assert report(client)["tanks"][0]["figures"]["consumed"]["kg"] == 1500.0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"figure": "tank:cho-lon-1.opening"}, 422, "unknown_figure"),
        ({"figure": "tank:thu-duc-1.colour"}, 422, "unknown_figure"),
        ({"note": ""}, 422, "bad_field"),
        ({"note": "   "}, 422, "note_missing"),
        ({"value_kg": -1}, 422, "bad_field"),
        ({"value_kg": "a lot"}, 422, "bad_field"),
        ({"colour": "red"}, 422, "bad_field"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(
    admin: httpx.Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = correct(admin, **body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("bv-khong-co/2026-11-01", "facility_not_found"),
        ("bv-cho-lon/2026-13-01", "bad_day"),
        ("bv-cho-lon/20261101", "bad_day"),
        ("bv-cho-lon/2100-01-01", "day_to_come"),
        ("bv-cho-lon/2026-11-01?version=7", "report_not_found"),
    ],
)
def test_a_report_that_does_not_exist_is_not_found(admin: httpx.Client, path: str, code: str) -> None:
    answer = admin.get(f"/api/v1/reports/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert admin.get(f"/reports/{path}").status_code == 404


def typed(client: httpx.Client, **fields: str) -> httpx.Response:
    path = f"/reports/{FACILITY}/{yesterday()}/correct"
    form = client.get(path, params={"figure": FIGURE}).text
    locale = re.search(r'name="locale" value="(\w\w)"', form)
    assert locale
    data = {
        "csrf_token": form_token(form),
        "figure": FIGURE,
        "version": "0",
        "locale": locale[1],
        "unit": "kg",
        "how": "value",
        "note": "Đọc đồng hồ",
        **fields,
    }
    return client.post(path, data=data)


@pytest.mark.parametrize(
    ("locale", "text", "echo", "kg"),
    [
        ("vi", "1.500", "một nghìn năm trăm", 1500.0),
        ("en", "1,500", "one thousand five hundred", 1500.0),
        ("en", "1.500", "one point five", 1.5),
    ],
)
def test_a_typed_number_is_said_back_before_it_is_saved(
    own_site: Site, locale: str, text: str, echo: str, kg: float
) -> None:
    with own_site.sign_in() as client:
        client.get(f"/?lang={locale}")
        asked = typed(client, value=text)
        assert asked.status_code == 200
        assert f"<span data-spelt>{echo}</span>" in asked.text
        assert report(client)["version"] == 0

        typed(client, value=text, confirmed="yes")
        assert report(client)["tanks"][0]["figures"]["consumed"]["kg"] == kg


def test_a_number_confirmed_after_changing_the_language_keeps_its_meaning(own_site: Site) -> None:
    with own_site.sign_in() as client:
        client.get("/?lang=en")
        typed(client, value="1.500", locale="vi", confirmed="yes")

        assert report(client)["tanks"][0]["figures"]["consumed"]["kg"] == 1500.0


@pytest.mark.parametrize(("unit", "kg"), [("L", 1500 * BOILING_LIQUID_KG_PER_L), ("Nm³", 1500 / 0.6998)])
def test_litres_and_normal_cubic_metres_are_kept_as_kilograms(own_site: Site, unit: str, kg: float) -> None:
    with own_site.sign_in() as client:
        typed(client, value="1.500", unit=unit, confirmed="yes")

        assert report(client)["tanks"][0]["figures"]["consumed"]["kg"] == pytest.approx(kg)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value": "1.5"}, "Không hiểu số 1.5"),
        ({"value": ""}, "Hãy gõ một số."),
        ({"value": "10", "note": ""}, "Hãy ghi lý do sửa."),
        ({"value": "10", "unit": "bar"}, "Hãy chọn một mục"),
    ],
)
def test_a_wrong_correction_is_shown_again_with_what_was_typed(
    admin: httpx.Client, fields: dict[str, str], said: str
) -> None:
    answer = typed(admin, **fields)

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{fields["value"]}"' in answer.text


def test_a_final_report_keeps_its_figures(own_site: Site) -> None:
    with own_site.sign_in() as client:
        page = client.get(f"/reports/{FACILITY}/{yesterday()}").text
        data = {"csrf_token": form_token(page), "version": "0"}
        client.post(f"/reports/{FACILITY}/{yesterday()}/final", data=data)

        assert report(client)["state"] == "final"
        assert "Chốt báo cáo" not in client.get(f"/reports/{FACILITY}/{yesterday()}").text


def test_today_cannot_be_made_final(own_site: Site) -> None:
    today = local_day(now_us()).isoformat()
    with own_site.sign_in() as client:
        page = client.get(f"/reports/{FACILITY}/{today}").text
        assert "chưa hết ngày" in page
        answer = client.post(
            f"/reports/{FACILITY}/{today}/final", data={"csrf_token": form_token(page), "version": "0"}
        )

        assert answer.status_code == 422
        assert "chưa kết thúc" in answer.text


def test_a_total_without_all_its_parts_is_a_dash_and_names_the_missing_tank(own_site: Site) -> None:
    own_site.write(
        lambda tx: reports.save_report(
            tx,
            "bv-cho-lon",
            yesterday(),
            1,
            {"tank:cho-lon-3.closing": Correction(None, "đồng hồ hỏng")},
            "draft",
            demo.ADMIN,
            now_us(),
        )
    )
    with own_site.sign_in() as client:
        total = report(client, "bv-cho-lon")["totals"]["closing"]
        assert total["kg"] is None
        assert total["partial_kg"] > 1000
        page = client.get(f"/reports/bv-cho-lon/{yesterday()}").text
        assert "thiếu Bồn khu B; các bồn còn lại:" in page


def test_the_list_of_days_tells_which_reports_were_touched(admin: httpx.Client) -> None:
    page = admin.get("/reports").text

    row = re.search(rf'href="/reports/bv-cho-lon/{yesterday()}"[^>]*>([^<]+)<', page)
    assert row
    assert row[1] == "bản nháp, có sửa"
    old = admin.get("/reports", params={"until": "2020-01-01"}).text
    assert "chưa có số liệu" in old
