"""Alarms: the list, the history, and taking one on."""

from __future__ import annotations

import httpx
import pytest

from records import alarms, audit
from tests.api import demo
from tests.api.conftest import Site, form_token

LOW, FAULT, PAST = 1, 2, 3


def acknowledge(client: httpx.Client, alarm_id: int, **body: object) -> httpx.Response:
    token = client.get("/api/v1/session").json()["csrf_token"]
    return client.post(f"/api/v1/alarms/{alarm_id}/acknowledge", json=body, headers={"X-CSRF-Token": token})


def test_open_and_past_alarms_are_told_apart(admin: httpx.Client) -> None:
    assert {one["id"] for one in admin.get("/api/v1/alarms?state=open").json()} == {LOW, FAULT}
    assert {one["id"] for one in admin.get("/api/v1/alarms?state=cleared").json()} == {PAST}
    assert [one["id"] for one in admin.get("/api/v1/alarms?facility=bv-can-gio").json()] == [FAULT]


def test_the_gravest_that_nobody_has_taken_on_comes_first(admin: httpx.Client) -> None:
    page = admin.get("/alarms").text

    assert page.index(f'data-alarm="{LOW}"') < page.index(f'data-alarm="{FAULT}"')
    assert f'data-alarm="{PAST}"' not in page
    assert f'data-alarm="{PAST}"' in admin.get("/alarms?past=1").text


def test_everything_that_happened_to_an_alarm_is_listed_with_its_deliveries(admin: httpx.Client) -> None:
    kinds = [event["kind"] for event in admin.get(f"/api/v1/alarms/{LOW}").json()["events"]]
    assert kinds == ["raised", "worsened", "delivered"]

    page = admin.get(f"/alarms/{LOW}").text
    for text in (
        "19,6 %",
        "8,4 %",
        "Trực oxy Bình Thạnh",
        "truc.oxy@binh-thanh.example",
        "Không kết nối được",
    ):
        assert text in page


def test_a_viewer_sees_that_it_was_delivered_but_not_to_which_address(viewer: httpx.Client) -> None:
    page = viewer.get(f"/alarms/{LOW}").text

    assert "Trực oxy Bình Thạnh" in page
    assert "truc.oxy@binh-thanh.example" not in page
    assert "/acknowledge" not in page


def test_acknowledging_twice_is_acknowledging_once(own_site: Site) -> None:
    with own_site.sign_in() as client:
        seen = client.get(f"/api/v1/alarms/{LOW}").json()["version"]
        first = acknowledge(client, LOW, version=seen, note="Đã gọi nhà cung cấp")
        again = acknowledge(client, LOW, version=seen, note="lần nữa")

        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert first.json()["acknowledged_by"] == demo.ADMIN
        events = client.get(f"/api/v1/alarms/{LOW}").json()["events"]
        assert [one["params"] for one in events if one["kind"] == "acknowledged"] == [
            {"note": "Đã gọi nhà cung cấp"}
        ]
    noted = own_site.write(audit.entries)
    assert len([one for one in noted if one.subject == f"alarm:{LOW}"]) == 1


def test_an_alarm_that_worsened_since_it_was_seen_is_looked_at_first(own_site: Site) -> None:
    with own_site.sign_in() as client:
        answer = acknowledge(client, LOW, version=1)

    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")


@pytest.mark.parametrize(("alarm_id", "status"), [(999, 404), ("abc", 422)])
def test_an_alarm_that_is_not_there(admin: httpx.Client, alarm_id: object, status: int) -> None:
    assert admin.get(f"/api/v1/alarms/{alarm_id}").status_code == status
    assert admin.get(f"/alarms/{alarm_id}").status_code == status
    token = admin.get("/api/v1/session").json()["csrf_token"]
    posted = admin.post(f"/api/v1/alarms/{alarm_id}/acknowledge", json={}, headers={"X-CSRF-Token": token})
    assert posted.status_code == status


def test_taking_an_alarm_on_from_the_page(own_site: Site) -> None:
    with own_site.sign_in() as client:
        form = {"csrf_token": form_token(client.get("/alarms").text), "version": "2", "back": "list"}
        answer = client.post(f"/alarms/{LOW}/acknowledge", data={**form, "note": "<b>Tôi lo</b>"})
        assert answer.headers["location"] == "/alarms?done=acknowledged"

        page = client.get(answer.headers["location"]).text
        assert "Đã xác nhận báo động." in page
        assert "admin đã xác nhận" in page
        assert "/acknowledge" not in page
        assert "“&lt;b&gt;Tôi lo&lt;/b&gt;”" in client.get(f"/alarms/{LOW}").text


def test_an_alarm_found_in_late_history_is_listed_as_such(own_site: Site) -> None:
    now = own_site.now_us()
    own_site.write(
        lambda tx: alarms.log_late_alarm(
            tx,
            subject="tank:cho-lon-1",
            facility="bv-cho-lon",
            rule="low_stock",
            rule_version=0,
            severity="critical",
            raised_us=now - 86_400_000_000,
            cleared_us=None,
            params={"reason": "fill_low", "fill_percent": 9.0, "limit_percent": 10.0},
            at_us=now,
        )
    )
    with own_site.sign_in() as client:
        assert "phát hiện sau, không gọi ai" in client.get("/alarms?past=1").text
        assert "Bồn 1" not in client.get("/alarms").text
