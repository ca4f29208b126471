"""Every answer: one shape of errors, headers that protect, light pages, and health that tells the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from fastapi import Request

from api.app import create_app
from api.context import Context
from records.database import Database
from telemetry import EmbeddedSettings, open_store
from tests.api.conftest import Site

PAGES = ("/", "/tanks/cho-lon-1", "/alarms", "/alarms/1", "/reports", "/messages", "/contacts", "/docs")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/nothing", 404, "page_not_found"),
        ("/api/v1/tanks/khong-co", 404, "tank_not_found"),
        ("/api/v1/tanks?facility=khong-co", 404, "facility_not_found"),
        ("/api/v1/facilities/khong-co", 404, "facility_not_found"),
        ("/api/v1/alarms?limit=0", 422, "bad_field"),
        ("/api/v1/alarms?state=closed", 422, "bad_field"),
    ],
)
def test_errors_have_one_shape(admin: httpx.Client, path: str, status: int, code: str) -> None:
    answer = admin.get(path)

    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"code", "params", "message_vi", "message_en"}
    assert body["code"] == code
    assert "{" not in body["message_vi"] + body["message_en"]
    assert body["message_vi"] != body["message_en"]


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/alarms/{2**63}",
        f"/api/v1/alarms?since_us={2**63}",
        f"/alarms/{2**63}",
        f"/messages/mail/{2**63}",
        "/reports/bv-cho-lon/2026-11-20?version=%C2%B2",
        "/reports/bv-cho-lon/2026-11-20?version=" + "9" * 5000,
        "/reports?until=0001-01-01",
        "/reports/bv-cho-lon/0001-01-01",
    ],
)
def test_numbers_and_days_beyond_all_measure_are_no_fault_of_the_server(
    admin: httpx.Client, path: str
) -> None:
    """Whatever stands in an address, the answer is a page or a plain refusal."""
    assert admin.get(path).status_code < 500


def test_a_wrong_method_is_told_so(admin: httpx.Client) -> None:
    answer = admin.delete("/api/v1/tanks")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_a_page_that_does_not_exist_is_a_page(admin: httpx.Client) -> None:
    answer = admin.get("/khong-co-trang-nay")

    assert answer.status_code == 404
    assert "Không có trang này." in answer.text


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    with site.visitor() as client:
        answer = client.post("/login", data={"username": "x" * (site.settings.max_body_bytes + 1)})

    assert answer.status_code == 413
    assert "quá lớn" in answer.text


@pytest.mark.parametrize("path", [*PAGES, "/login", "/api/v1/tanks", "/nothing", "/api/v1/nothing"])
def test_every_answer_carries_the_protecting_headers(admin: httpx.Client, path: str) -> None:
    headers = admin.get(path).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_no_script_style_or_handler_of_their_own(admin: httpx.Client, path: str) -> None:
    page = admin.get(path).text

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    for attributes in re.findall(r"<script([^>]*)>", page):
        assert "src=" in attributes or 'type="application/json"' in attributes


@pytest.mark.parametrize("path", PAGES)
def test_pages_name_no_other_site(admin: httpx.Client, path: str) -> None:
    page = admin.get(path).text

    linked = re.findall(r'(?:src|href|action)="([^"]+)"', page)
    assert not [address for address in linked if re.match(r"(?:https?:)?//", address)]


def test_a_received_mail_can_do_nothing_but_be_shown(admin: httpx.Client) -> None:
    body = admin.get("/messages/mail/1/body")

    assert body.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert 'sandbox=""' in admin.get("/messages/mail/1").text


def test_static_files_may_be_kept_by_digest_and_the_first_page_is_light(admin: httpx.Client) -> None:
    page = admin.get("/")
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    fonts = {f"/static/vendor/fonts/inter-{part}-wght-normal.woff2" for part in ("latin", "vietnamese")}
    answers = [admin.get(address) for address in files | fonts]

    assert all(answer.status_code == 200 for answer in answers)
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    sent = sum(int(answer.headers.get("content-length", len(answer.content))) for answer in (page, *answers))
    assert sent <= 150_000


def test_the_openapi_description_fits_what_is_answered(admin: httpx.Client) -> None:
    description = admin.get("/api/v1/openapi.json").json()

    assert {"/api/v1/tanks", "/api/v1/tanks/{code}/series", "/health"} <= set(description["paths"])
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] or path == "/health"
            if path.startswith("/api/"):
                shapes = json.dumps(operation["responses"].get("422", {}))
                assert "ErrorBody" in shapes, (method, path)
    assert "HTTPValidationError" not in description["components"]["schemas"]


def test_health_is_public_and_says_what_does_not_answer(site: Site, tmp_path: Path) -> None:
    with site.visitor() as client:
        good = client.get("/health")

    assert good.json() == {
        "alive": True,
        "ready": True,
        "parts": {"records": True, "telemetry": True, "live": True},
    }


async def test_a_bug_is_answered_without_its_details(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    store = open_store(EmbeddedSettings(path=tmp_path / "telemetry.sqlite"), readonly=True)
    app = create_app(Context(database, store, lambda: 0))

    @app.get("/api/v1/broken")
    async def broken(request: Request) -> None:
        raise ZeroDivisionError("secret detail")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/api/v1/broken")

    assert answer.status_code == 500
    assert answer.json()["code"] == "unexpected"
    assert "secret detail" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_records_that_do_not_answer_are_worth_another_try(tmp_path: Path) -> None:
    """The folder of the database is missing: pages and JSON say so instead of showing nothing."""
    database = Database(f"sqlite:///{tmp_path / 'gone' / 'records.sqlite'}")
    store = open_store(EmbeddedSettings(path=tmp_path / "telemetry.sqlite"), readonly=True)
    app = create_app(Context(database, store, lambda: 0))
    transport = httpx.ASGITransport(app)
    cookies = {"oxywatch_session": "any"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", cookies=cookies) as client:
        page, data, health = [await client.get(path) for path in ("/", "/api/v1/tanks", "/health")]

    assert page.status_code in {500, 503}
    assert data.json()["code"] in {"try_again", "records_down", "records_unusable"}
    assert (health.status_code, health.json()["ready"]) == (503, False)
