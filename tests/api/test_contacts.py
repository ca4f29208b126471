"""Contacts, and the messages that were written to them."""

from __future__ import annotations

import httpx
import pytest

from api.views.message_texts import shown_address
from records import messages
from tests.api.conftest import Site, form_token

GOOD = {
    "name": "Trực đêm",
    "channel": "email",
    "address": "truc.dem@cho-lon.example",
    "facility": "bv-cho-lon",
    "locale": "vi",
    "minimum_severity": "urgent",
    "active": "on",
    "id": "0",
    "version": "0",
}


def post(client: httpx.Client, **changes: str) -> httpx.Response:
    token = form_token(client.get("/contacts/new").text)
    return client.post("/contacts", data={**GOOD, "csrf_token": token, **changes})


def test_a_contact_is_added_changed_and_switched_off(own_site: Site) -> None:
    with own_site.sign_in() as client:
        assert post(client).headers["location"] == "/contacts?done=saved"
        page = client.get("/contacts").text
        assert "Trực đêm" in page
        stored = own_site.write(messages.contacts)[-1]
        post(client, id=str(stored.id), version=str(stored.version), active="", name="Trực ngày")

        changed = own_site.write(messages.contacts)[-1]
        assert (changed.id, changed.name, changed.active) == (stored.id, "Trực ngày", False)
        assert "đã tắt" in client.get("/contacts").text


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "không được để trống"),
        ({"name": "x" * 101}, "name", "nhiều nhất 100 ký tự"),
        ({"address": ""}, "address", "không được để trống"),
        ({"address": "khong phai thu"}, "address", "không phải là địa chỉ thư"),
        ({"address": "a@b@c"}, "address", "không phải là địa chỉ thư"),
        ({"address": "a@b.example\nBcc: all@x.example"}, "address", "không phải là địa chỉ thư"),
        ({"channel": "pigeon"}, "channel", "Hãy chọn một mục"),
        ({"facility": "bv-khong-co"}, "facility", "Hãy chọn một mục"),
        ({"locale": "fr"}, "locale", "Hãy chọn một mục"),
        ({"minimum_severity": "mild"}, "minimum_severity", "Hãy chọn một mục"),
        (
            {"channel": "webhook", "address": "ftp://x.example", "secret": "k" * 20},
            "address",
            "không phải là địa chỉ web",
        ),
        (
            {"channel": "webhook", "address": "https://user:pass@x.example/", "secret": "k" * 20},
            "address",
            "không phải là địa chỉ web",
        ),
        ({"channel": "webhook", "address": "https://x.example/", "secret": "short"}, "secret", "16 ký tự"),
        ({"channel": "webhook", "address": "https://x.example/", "secret": ""}, "secret", "16 ký tự"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(
    site: Site, admin: httpx.Client, changes: dict[str, str], field: str, said: str
) -> None:
    before = site.write(messages.contacts)

    answer = post(admin, **changes)

    assert answer.status_code == 422
    assert said in answer.text
    assert f'aria-describedby="{field}-error"' in answer.text
    assert site.write(messages.contacts) == before


def test_a_webhooks_key_is_kept_when_its_field_stays_empty(own_site: Site) -> None:
    with own_site.sign_in() as client:
        hook = next(one for one in own_site.write(messages.contacts) if one.channel == "webhook")
        page = client.get(f"/contacts/{hook.id}").text
        assert hook.secret
        assert hook.secret not in page
        post(
            client,
            id=str(hook.id),
            version=str(hook.version),
            channel="webhook",
            address="https://so-y-te.example/other",
            secret="",
            facility="",
        )

        changed = next(one for one in own_site.write(messages.contacts) if one.id == hook.id)
        assert (changed.secret, changed.address) == (hook.secret, "https://so-y-te.example/other")
        assert changed.facility is None


def test_two_people_cannot_overwrite_each_other(own_site: Site) -> None:
    with own_site.sign_in() as client:
        stored = own_site.write(messages.contacts)[0]
        post(client, id=str(stored.id), version=str(stored.version), name="Một")
        late = post(client, id=str(stored.id), version=str(stored.version), name="Hai")

        assert late.status_code == 409
        assert own_site.write(messages.contacts)[0].name == "Một"


def test_the_outbox_says_how_far_each_message_got(admin: httpx.Client) -> None:
    page = admin.get("/messages").text

    for text in ("đã gửi", "chưa gửi được, sẽ thử lại", "Không kết nối được máy chủ thư", "còn 19,6 %"):
        assert text in page


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        ("email", "a@b.example", "a@b.example"),
        ("webhook", "https://x.example:8443/hook?key=secret", "https://x.example:8443/…"),
        ("webhook", "https://user:pass@x.example/", "https://x.example/…"),
        ("webhook", "secret", "…"),
    ],
)
def test_a_webhooks_path_may_be_a_secret(channel: str, address: str, shown: str) -> None:
    assert shown_address(channel, address) == shown
