"""Keeping users and grants on pages, one's own account, and programs that act for an account."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pyotp
import pytest

from api.views.account_texts import browser_name
from policy.permission import Grant, Scope
from policy.roles import ScopeKind
from records import audit, identity, permission
from records.database import Transaction
from tests.api import demo
from tests.api.conftest import FAST, Site, form_token

PASSWORD = "mot mat khau rieng cua toi"
ONE_TIME = re.compile(r'class="one-time">([a-z0-9-]+)<')
CHO_LON = "facility:bv-cho-lon"


def new_user(client: httpx.Client, **changes: str) -> httpx.Response:
    token = form_token(client.get("/users/new").text)
    typed = {
        "username": "chi.hoa",
        "locale": "vi",
        "role": "facility_admin",
        "scope": CHO_LON,
        "reason": "trưởng khoa dược",
    }
    return client.post("/users", data={**typed, "csrf_token": token, **changes})


def one_time(answer: httpx.Response) -> str:
    found = ONE_TIME.search(answer.text)
    assert found, answer.text
    return found[1]


def choose_password(site: Site, username: str, given: str) -> None:
    """First sign-in with a one-time password: nothing is served before an own one is chosen."""
    with site.sign_in(username, given) as client:
        assert client.get("/").headers["location"] == "/password"
        page = client.get("/password").text
        typed = {"current": given, "fresh": PASSWORD, "repeated": PASSWORD, "csrf_token": form_token(page)}
        assert client.post("/password", data=typed).status_code == 303


@pytest.fixture
def keeper(own_site: Site) -> Iterator[httpx.Client]:
    """The browser of a facility's own administrator, made by the system's."""
    with own_site.sign_in() as admin:
        given = one_time(new_user(admin))
    choose_password(own_site, "chi.hoa", given)
    with own_site.sign_in("chi.hoa", PASSWORD) as client:
        yield client


def user_id(site: Site, username: str) -> int:
    return next(user.id for user in site.write(identity.users) if user.username == username)


def act(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    token = form_token(client.get("/account").text)
    return client.post(path, data={**fields, "csrf_token": token})


def test_an_account_is_made_with_a_password_that_is_shown_once_and_must_be_changed(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        made = new_user(admin)
        given = one_time(made)

        assert made.headers["cache-control"] == "no-store"
        assert given not in admin.get(f"/users/{user_id(own_site, 'chi.hoa')}").text
        choose_password(own_site, "chi.hoa", given)
        with own_site.visitor() as stranger:
            token = form_token(stranger.get("/login").text)
            again = {"username": "chi.hoa", "password": given, "csrf_token": token}
            assert stranger.post("/login", data=again).status_code == 401
    entries = own_site.write(lambda tx: audit.entries(tx, action="user.create"))
    assert entries[0].subject == "user:chi.hoa"
    assert (entries[0].actor, entries[0].address) == (demo.ADMIN, "127.0.0.1")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"username": "Chị Hoa"}, "username", "chữ thường không dấu"),
        ({"username": demo.VIEWER}, "username", "đã có người dùng"),
        ({"role": ""}, "role", "Hãy chọn một mục"),
        ({"role": "emperor"}, "role", "Hãy chọn một mục"),
        ({"scope": "facility:bv-khong-co"}, "scope", "Không có cơ sở y tế nào"),
        ({"scope": "all:"}, "scope", "chỉ giao theo phạm vi"),
        ({"scope": ""}, "scope", "Hãy chọn một mục"),
        ({"role": "district", "unit": "khong-co"}, "unit", "Không có đơn vị hành chính nào"),
        ({"until": "21/11/2026"}, "until", "không phải là ngày"),
        ({"until": "2020-01-01"}, "until", "sau khi bắt đầu"),
        ({"reason": ""}, "reason", "nêu lý do"),
        ({"locale": "fr"}, "locale", "Hãy chọn một mục"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_no_account_is_made(
    own_site: Site, changes: dict[str, str], field: str, said: str
) -> None:
    with own_site.sign_in() as admin:
        before = own_site.write(identity.users)
        answer = new_user(admin, **changes)

        assert answer.status_code == 422
        assert said in answer.text
        assert f'aria-describedby="{field}-error"' in answer.text
        assert own_site.write(identity.users) == before


def test_a_facilitys_administrator_is_offered_its_own_scope_and_what_it_holds(
    own_site: Site, keeper: httpx.Client
) -> None:
    page = keeper.get("/users/new").text

    assert re.findall(r'<option value="(\w+:[^"]*)"', page) == [CHO_LON, "gateway:gw-cho-lon"]
    offered = re.findall(r'<option value="([a-z_]+)"', page[page.index('id="role"') :])
    assert offered == ["facility_admin", "facility", "viewer"]
    for role, scope in (("facility", "facility:bv-thu-duc"), ("viewer", "all:"), ("auditor", CHO_LON)):
        assert new_user(keeper, username="anh.ba", role=role, scope=scope).status_code == 422


def test_a_facilitys_administrator_keeps_its_own_people(own_site: Site, keeper: httpx.Client) -> None:
    first = one_time(new_user(keeper, username="anh.ba", role="facility"))
    number = user_id(own_site, "anh.ba")
    choose_password(own_site, "anh.ba", first)
    with own_site.sign_in("anh.ba", PASSWORD) as nurse:
        assert nurse.get("/tanks/cho-lon-1").status_code == 200
        assert nurse.get("/tanks/thu-duc-1").status_code == 404
        assert nurse.get("/users").status_code == 403

        again = one_time(act(keeper, f"/users/{number}/password"))
        assert nurse.get("/tanks/cho-lon-1").status_code == 303
        assert again != first

    successor = one_time(
        act(keeper, f"/users/{number}/replacement", username="co.tu", reason="chuyển công tác")
    )
    choose_password(own_site, "co.tu", successor)
    listed = keeper.get("/users").text
    assert "co.tu" in listed
    assert "đã đóng" in listed
    assert demo.VIEWER not in re.findall(r'/users/\d+">([^<]+)<', listed)
    for username in (demo.ADMIN, demo.VIEWER):
        foreign = user_id(own_site, username)
        assert keeper.get(f"/users/{foreign}").status_code == 404
        assert act(keeper, f"/users/{foreign}/password").status_code == 404


def test_a_right_is_given_and_taken_at_once(own_site: Site, keeper: httpx.Client) -> None:
    new_user(keeper, username="anh.ba", role="viewer")
    number = user_id(own_site, "anh.ba")
    given = act(keeper, f"/users/{number}/grants", role="facility", scope=CHO_LON, reason="trực đêm")
    assert given.headers["location"] == f"/users/{number}?done=granted"
    held = own_site.write(lambda tx: permission.grants_of(tx, number))
    assert [row.grant.role for row in held] == ["viewer", "facility"]

    silent = act(keeper, f"/users/{number}/grants/{held[1].id}/revoke", reason="")
    assert silent.status_code == 422
    assert "Hãy nêu lý do" in silent.text
    done = act(keeper, f"/users/{number}/grants/{held[1].id}/revoke", reason="hết trực")
    assert done.status_code == 303
    page = keeper.get(f"/users/{number}").text
    assert "hết trực" in page
    assert own_site.write(lambda tx: permission.roles_of(tx, number, own_site.now_us())) == {"viewer"}


def test_a_grant_of_another_account_is_not_revoked_by_the_way(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        new_user(admin)
        viewer, other = user_id(own_site, demo.VIEWER), user_id(own_site, "chi.hoa")
        (held,) = own_site.write(lambda tx: permission.grants_of(tx, other))

        assert act(admin, f"/users/{viewer}/grants/{held.id}/revoke", reason="vì").status_code == 404


def test_the_last_administrator_cannot_be_closed(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        answer = act(admin, f"/users/{user_id(own_site, demo.ADMIN)}/close", reason="nghỉ")

        assert answer.status_code == 422
        assert "Phải còn ít nhất một quản trị" in answer.text
        assert admin.get("/users").status_code == 200


def test_one_ends_ones_other_sessions_and_nobody_elses(own_site: Site) -> None:
    with own_site.viewer() as here, own_site.viewer() as there, own_site.sign_in() as admin:
        ids = re.findall(r"/account/sessions/(\w+)/end\"", here.get("/account").text)
        assert len(ids) == 1
        assert act(admin, f"/account/sessions/{ids[0]}/end").status_code == 404
        assert there.get("/").status_code == 200

        assert act(here, f"/account/sessions/{ids[0]}/end").status_code == 303
        assert there.get("/").status_code == 303
        assert here.get("/").status_code == 200


def test_a_program_does_what_its_token_says_until_it_is_revoked(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        fields = {"name": "bảng điện", "days": "30", "scopes": "tanks:read"}
        page = act(admin, "/account/tokens", **fields).text
        secret = re.search(r"<pre>(oxy_[\w-]+)</pre>", page)
        assert secret
        with own_site.visitor(Authorization=f"Bearer {secret[1]}") as program:
            assert len(program.get("/api/v1/tanks").json()) == len(demo.TANKS)
            assert program.get("/api/v1/alarms").status_code == 403
            assert program.post("/api/v1/alarms/1/acknowledge", json={}).status_code == 403
            assert program.get("/").status_code == 303
            number = re.search(r"/account/tokens/(\d+)/revoke", admin.get("/account").text)
            assert number
            act(admin, f"/account/tokens/{number[1]}/revoke")
            assert program.get("/api/v1/tanks").status_code == 401


def test_a_program_may_write_without_a_form_token(own_site: Site) -> None:
    """A token is not sent by a browser on its own, so another site cannot use it."""
    with own_site.sign_in() as admin:
        fields = {"name": "tổng đài", "days": "1", "scopes": ["alarms:read", "alarms:acknowledge"]}
        token = form_token(admin.get("/account").text)
        page = admin.post("/account/tokens", data={**fields, "csrf_token": token}).text
    secret = re.search(r"<pre>(oxy_[\w-]+)</pre>", page)
    assert secret
    with own_site.visitor(Authorization=f"Bearer {secret[1]}") as program:
        assert program.post("/api/v1/alarms/1/acknowledge", json={}).status_code == 200


def test_what_needs_the_password_again_asks_for_it_after_a_while(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        own_site.clock_shift_us = 16 * 60 * 1_000_000
        fields = {"name": "x", "days": "1", "scopes": "tanks:read"}
        assert act(admin, "/account/tokens", **fields).headers["location"] == "/account/confirm?next=/account"
        wrong = act(admin, "/account/confirm", password="sai", next="/account")
        assert wrong.status_code == 422
        right = act(admin, "/account/confirm", password=demo.ADMIN_PASSWORD, next="/account")
        assert right.headers["location"] == "/account"
        assert act(admin, "/account/tokens", **fields).status_code == 200


def test_where_to_go_on_after_the_password_stays_on_this_site(own_site: Site) -> None:
    with own_site.sign_in() as admin:
        right = act(
            admin, "/account/confirm", password=demo.ADMIN_PASSWORD, next="https://elsewhere.example/"
        )

        assert right.headers["location"] == "/"


def test_personal_data_open_with_a_reason_and_close_again(own_site: Site) -> None:
    async def national(tx: Transaction) -> None:
        user = await identity.create_user(
            tx,
            username="bo",
            password=PASSWORD,
            role="national",
            must_change=False,
            actor="test",
            now_us=0,
        )
        assert user.username == "bo"

    own_site.write(national)
    with own_site.sign_in("bo", PASSWORD) as client:
        ask = "/api/v1/facilities/bv-cho-lon"
        assert client.get(ask).json()["officer"] is None
        short = act(client, "/account/glass", facility="bv-cho-lon", minutes="15", reason="gấp")
        assert short.status_code == 422
        opened = act(
            client,
            "/account/glass",
            facility="bv-cho-lon",
            minutes="15",
            reason="Cấp cứu hàng loạt, cần gọi trực",
        )
        assert opened.status_code == 303
        assert client.get(ask).json()["officer"]["phone"] == "0909000111"
        assert client.get("/api/v1/facilities/bv-thu-duc").json()["officer"] is None

        own_site.clock_shift_us = 16 * 60 * 1_000_000
        assert client.get(ask).json()["officer"] is None
    told = own_site.write(lambda tx: audit.entries(tx, actor="bo", action="personal.view"))
    assert {entry.subject for entry in told} >= {"facility:bv-cho-lon"}


def test_every_look_at_a_telephone_number_is_on_record(own_site: Site) -> None:
    with own_site.sign_in() as admin, own_site.viewer() as viewer:
        assert admin.get("/api/v1/facilities/bv-cho-lon").json()["officer"]["phone"] == "0909000111"
        assert viewer.get("/api/v1/facilities/bv-cho-lon").json()["officer"] is None
    told = own_site.write(lambda tx: audit.entries(tx, action="personal.view"))

    assert {(entry.actor, entry.reason) for entry in told} == {(demo.ADMIN, "role")}


def test_an_administrator_enrols_an_authenticator_before_anything_else(
    new_folder: object, tmp_path: object
) -> None:
    site = Site(new_folder, FAST.model_copy(update={"require_second_factor": True})).start()  # type: ignore[arg-type]
    try:
        with site.sign_in() as admin, site.viewer() as viewer:
            assert viewer.get("/").status_code == 200
            assert admin.get("/users").headers["location"] == "/second-factor"
            assert admin.get("/api/v1/tanks").json()["code"] == "second_factor_needed"
            token = form_token(admin.get("/second-factor").text)
            shown = admin.post("/second-factor/enrol", data={"csrf_token": token}).text
            secret = re.search(r"one-time wrap-any\">([A-Z2-7]+)<", shown)
            assert secret
            assert "<svg" in shown
            totp = pyotp.TOTP(secret[1])
            typed = {"csrf_token": token, "code": "000000"}
            assert admin.post("/second-factor/confirm", data=typed).status_code == 422
            typed["code"] = totp.at(site.now_us() // 1_000_000)
            codes = admin.post("/second-factor/confirm", data=typed).text
            assert len(re.findall(r"<li><code>", codes)) == 10
            assert admin.get("/users").status_code == 200
        with site.sign_in() as again:
            assert again.get("/").headers["location"] == "/second-factor"
            token = form_token(again.get("/second-factor").text)
            recovery = re.search(r"<li><code>([A-Z2-7-]+)<", codes)
            assert recovery
            done = again.post("/second-factor", data={"csrf_token": token, "code": recovery[1]})
            assert done.headers["location"] == "/"
            assert again.get("/users").status_code == 200
    finally:
        site.stop()


def test_a_gateways_technician_gets_no_more_than_the_gateways_tanks(own_site: Site) -> None:
    async def technician(tx: Transaction) -> None:
        user = await identity.create_user(
            tx, username="tho", password=PASSWORD, must_change=False, actor="test", now_us=0
        )
        scope = Scope(ScopeKind.GATEWAY, "gw-can-gio")
        await permission.appoint(tx, user.id, Grant("technician", scope), actor="test", reason="x", now_us=0)

    own_site.write(technician)
    with own_site.sign_in("tho", PASSWORD) as client:
        assert [tank["code"] for tank in client.get("/api/v1/tanks").json()] == ["can-gio-1"]
        assert [one["code"] for one in client.get("/api/v1/facilities").json()] == ["bv-can-gio"]
        assert {one["facility"] for one in client.get("/api/v1/alarms").json()} == {"bv-can-gio"}
        live = client.get("/api/v1/live?after=0").json()
        assert [row["subject"] for row in live["statuses"]] == ["tank:can-gio-1"]
        assert live["summary"]["total"] == "trong 1 bồn"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/129.0 Safari/537.36", "Chrome, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/129.0 Safari/537.36 Edg/129.0", "Edge, Windows"),
        (
            "(iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/129.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.5", "curl/8.5"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent: str, shown: str) -> None:
    assert browser_name(agent) == shown
