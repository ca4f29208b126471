"""Sessions, form tokens and what nobody sees; which role may do what is in test_permissions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from api.access import OWN, PUBLIC, actions_of
from records import identity
from tests.api import demo
from tests.api.conftest import Site, form_token
from tests.api.test_permissions import application

EXAMPLES = {
    "code": "cho-lon-1",
    "alarm_id": "1",
    "mail_id": "1",
    "contact_id": "1",
    "facility": "bv-cho-lon",
    "day": "2026-11-01",
    "user_id": "1",
    "grant_id": "1",
    "session_id": "none",
    "token_id": "0",
    "glass_id": "0",
    "kind": "phone",
    "version": "1",
}


def every_route() -> list[tuple[str, str, frozenset[str]]]:
    """(method, path, actions) of every operation, with example values in its path."""
    found = [
        (method, route.path or "", actions_of(route))
        for route in iter_route_contexts(application(Path("/nowhere")).routes)
        for method in sorted(route.methods or ())
    ]
    assert len(found) > 30
    return [(method, path.format_map(_filled(path)), actions) for method, path, actions in found]


def _filled(path: str) -> dict[str, str]:
    codes = {"facilities": "bv-cho-lon", "gateways": "gw-cho-lon"}
    named = [code for noun, code in codes.items() if f"/{noun}/" in path]
    return EXAMPLES | ({"code": named[0]} if named else {})


ROUTES = every_route()
PRIVATE = [(method, path) for method, path, _ in ROUTES if path not in PUBLIC]
WRITING = [(method, path) for method, path in PRIVATE if method == "POST"]
CHANGING = [
    (method, path)
    for method, path, actions in ROUTES
    if path not in PUBLIC and method == "POST" and actions != {OWN}
]
"""Changes of what is not one's own account."""


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_an_anonymous_caller_is_turned_away(site: Site, method: str, path: str) -> None:
    with site.visitor() as client:
        answer = client.request(method, path)

    if path.startswith("/api/") or path == "/live":
        assert answer.status_code == 401
        assert answer.headers["cache-control"] == "no-store"
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_viewer_changes_nothing(viewer: httpx.Client, method: str, path: str) -> None:
    token = viewer.get("/api/v1/session").json()["csrf_token"]

    answer = viewer.request(method, path, data={"csrf_token": token}, headers={"X-CSRF-Token": token})

    assert answer.status_code == 403
    assert "không được phép làm việc đó" in answer.text


def test_what_only_administrators_may_know_is_not_on_a_viewers_pages(viewer: httpx.Client) -> None:
    """Telephone numbers, addresses of contacts and signing keys stay away from viewers."""
    pages = [viewer.get(path).text for method, path in PRIVATE if method == "GET" and path != "/live"]

    for canary in ("0909000111", "truc.oxy@binh-thanh.example", "canary-key", "k" * 32):
        assert not [text for text in pages if canary in text]


def test_a_signing_key_and_a_webhooks_path_are_shown_to_nobody(admin: httpx.Client) -> None:
    pages = [admin.get(path).text for method, path in PRIVATE if method == "GET" and path != "/live"]

    assert not [text for text in pages if "k" * 32 in text]
    assert "canary-key" not in admin.get("/messages").text


@pytest.mark.parametrize(
    "path",
    [path for _, path in WRITING if not path.startswith("/api/") and path != "/login"],
)
def test_a_form_without_its_token_is_refused(admin: httpx.Client, path: str) -> None:
    for token in ({}, {"csrf_token": "forged"}):
        answer = admin.post(path, data=token)

        assert answer.status_code == 403
        assert "Biểu mẫu đã hết hạn" in answer.text


@pytest.mark.parametrize("path", [path for _, path in WRITING if path.startswith("/api/")])
def test_a_json_change_without_its_token_is_refused(admin: httpx.Client, path: str) -> None:
    for headers in ({}, {"X-CSRF-Token": "forged"}):
        answer = admin.post(path, json={}, headers=headers)

        assert answer.status_code == 403
        assert answer.json()["code"] == "form_expired"


def test_a_change_that_another_site_asks_for_is_refused(admin: httpx.Client) -> None:
    token = admin.get("/api/v1/session").json()["csrf_token"]

    answer = admin.post(
        "/api/v1/alarms/1/acknowledge",
        json={},
        headers={"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"},
    )

    assert answer.json()["code"] == "form_expired"


def test_signing_out_ends_the_session(own_site: Site) -> None:
    with own_site.sign_in() as client:
        cookie = client.cookies["oxywatch_session"]
        answer = client.post("/logout", data={"csrf_token": form_token(client.get("/password").text)})

        assert answer.headers["location"] == "/login"
        client.cookies.set("oxywatch_session", cookie)
        assert client.get("/api/v1/tanks").status_code == 401


def test_a_session_ends_with_its_time(own_site: Site) -> None:
    with own_site.viewer() as client:
        assert client.get("/api/v1/tanks").status_code == 200
        own_site.clock_shift_us = round(own_site.settings.session_lifetime_s * 1e6) + 1

        assert client.get("/api/v1/tanks").status_code == 401


def test_a_deactivated_account_is_out_at_once(own_site: Site) -> None:
    with own_site.viewer() as client:
        number = next(user.id for user in own_site.write(identity.users) if user.username == demo.VIEWER)
        own_site.write(lambda tx: identity.deactivate(tx, number, actor="test", now_us=own_site.now_us()))

        assert client.get("/api/v1/tanks").status_code == 401


def test_the_event_loop_is_free_while_a_password_is_checked(site: Site) -> None:
    """Sign-in hashes for tens of milliseconds; health answers meanwhile."""

    async def both() -> float:
        async with httpx.AsyncClient(base_url=site.url) as client:
            token = form_token((await client.get("/login")).text)
            slow = [
                asyncio.create_task(
                    client.post(
                        "/login",
                        data={"username": f"nobody-{n}", "password": "x" * 12, "csrf_token": token},
                    )
                )
                for n in range(3)
            ]
            answer = await client.get("/health")
            waiting = sum(not task.done() for task in slow)
            await asyncio.gather(*slow)
            assert answer.status_code == 200
            return waiting

    assert asyncio.run(both()) > 0
