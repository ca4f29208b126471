"""Signing in, being slowed down, and the password that has to be changed first."""

from __future__ import annotations

import httpx
import pytest

from api.pages.login import safe_target
from records import identity
from tests.api import demo
from tests.api.conftest import Site, form_token

ONE_TIME = "mot-lan-roi-thoi"


def try_to_sign_in(client: httpx.Client, username: str, password: str, target: str = "/") -> httpx.Response:
    token = form_token(client.get("/login").text)
    return client.post(
        "/login", data={"username": username, "password": password, "next": target, "csrf_token": token}
    )


def test_a_right_password_leads_on_with_a_cookie_that_scripts_cannot_read(site: Site) -> None:
    with site.visitor() as client:
        answer = try_to_sign_in(client, "  ADMIN ", demo.ADMIN_PASSWORD, "/alarms")

    assert answer.headers["location"] == "/alarms"
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("oxywatch_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(("username", "password"), [("admin", "sai-mat-khau"), ("khong-co-ai", "x" * 12)])
def test_a_wrong_name_and_a_wrong_password_read_alike(site: Site, username: str, password: str) -> None:
    with site.visitor() as client:
        answer = try_to_sign_in(client, username, password)

    assert answer.status_code == 401
    assert "Tên hoặc mật khẩu không đúng." in answer.text
    assert "oxywatch_session" not in answer.headers.get("set-cookie", "")
    assert password not in answer.text


def test_guessing_is_slowed_down_and_says_for_how_long(own_site: Site) -> None:
    with own_site.visitor() as client:
        answers = [try_to_sign_in(client, demo.VIEWER, f"doan-{n}-sai") for n in range(8)]

    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert "Hãy chờ" in answers[-1].text
    assert "giây rồi thử lại" in answers[-1].text


def test_a_form_without_the_cookie_it_came_with_is_refused(site: Site) -> None:
    """Another site cannot sign a reader in to an account of its own."""
    with site.visitor() as client:
        token = form_token(client.get("/login").text)
        client.cookies.clear()
        answer = client.post(
            "/login",
            data={"username": demo.ADMIN, "password": demo.ADMIN_PASSWORD, "csrf_token": token},
        )

    assert answer.status_code == 403


def test_a_one_time_password_opens_nothing_but_the_page_that_changes_it(own_site: Site) -> None:
    own_site.write(
        lambda tx: identity.create_user(
            tx,
            username="moi",
            password=ONE_TIME,
            role="administrator",
            actor="test",
            now_us=own_site.now_us(),
        )
    )
    with own_site.visitor() as client:
        assert try_to_sign_in(client, "moi", ONE_TIME, "/alarms").headers["location"] == "/password"
        assert client.get("/").headers["location"] == "/password"
        assert client.get("/alarms/1").headers["location"] == "/password"
        refused = client.get("/api/v1/tanks")
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_needed")
        assert client.get("/live").status_code == 403

        page = client.get("/password").text
        assert "mật khẩu dùng một lần" in page
        fields = {"csrf_token": form_token(page), "current": ONE_TIME}
        own = "mat-khau-cua-rieng-toi"
        answer = client.post("/password", data={**fields, "fresh": own, "repeated": own})

        assert answer.headers["location"] == "/?done=password"
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current": "sai-mat-khau"}, "Mật khẩu hiện tại không đúng."),
        ({"fresh": "ngan", "repeated": "ngan"}, "ít nhất 10 ký tự"),
        ({"repeated": "khac-voi-lan-dau"}, "Hai lần gõ mật khẩu mới không giống nhau."),
        ({"fresh": demo.VIEWER_PASSWORD, "repeated": demo.VIEWER_PASSWORD}, "phải khác mật khẩu hiện tại"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    viewer: httpx.Client, change: dict[str, str], said: str
) -> None:
    good = {"current": demo.VIEWER_PASSWORD, "fresh": "mot-mat-khau-moi", "repeated": "mot-mat-khau-moi"}
    token = form_token(viewer.get("/password").text)

    answer = viewer.post("/password", data={**good, **change, "csrf_token": token})

    assert answer.status_code == 422
    assert said in answer.text
    assert answer.text.count('aria-invalid="true"') == 1


def test_changing_a_password_ends_the_other_sessions(own_site: Site) -> None:
    with own_site.viewer() as mine, own_site.viewer() as other:
        fields = {
            "csrf_token": form_token(mine.get("/password").text),
            "current": demo.VIEWER_PASSWORD,
            "fresh": "mot-mat-khau-moi",
            "repeated": "mot-mat-khau-moi",
        }
        mine.post("/password", data=fields)

        assert mine.get("/api/v1/tanks").status_code == 200
        assert other.get("/api/v1/tanks").status_code == 401


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", "/a\nSet-Cookie: x", "\\/x"],
)
def test_signing_in_leads_to_no_other_site(target: str) -> None:
    assert safe_target(target) == "/"


def test_signing_in_leads_back_to_where_the_reader_wanted_to_go(site: Site) -> None:
    with site.visitor() as client:
        asked = client.get("/tanks/cho-lon-1")
        page = client.get(asked.headers["location"])

    assert 'name="next" value="/tanks/cho-lon-1"' in page.text
