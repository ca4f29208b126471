"""The fleet's pages: how gateways are, what they are to do, who is let in."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import msgspec
import pytest

from api.context import Context
from api.enrolment import EnrolmentSettings, open_enrolment
from api.views.fleet import changes
from broker_link import BrokerSettings, Session
from certificates import make_authority
from edge_agent.config import check_desired
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import GatewayConfig, GatewayState
from oxygen.wire.topics import GatewayAddress, Leaf, gateway_topic
from records import fleet
from records.database import Transaction
from records.fleet import GatewayHealth, ReportedConfig
from tests.api.conftest import FAST, Site, form_token
from tests.certificates.openssl import new_key, new_request
from tests.certificates.test_authority import NOW
from tests.servers import Mosquitto

GATEWAY, FACILITY, TANK = "gw-binh-thanh", "bv-binh-thanh", "binh-thanh-1"
BODY = f"""\
[[bus]]
name = "io"
kind = "modbus-tcp"
host = "192.0.2.7"

[[tank]]
code = "{TANK}"
bus = "io"
device = "moxa-iologik-e1240"
unit = 1
dp = {{ point = "channel0_ma", at_4_ma = "0 mbar", at_20_ma = "800 mbar" }}
"""
STATE = GatewayState(
    v=1,
    online=True,
    boot="b",
    epoch="e",
    software="oxywatch 9.9",
    clock_synchronised=True,
    spool_hours_left=30.0,
)


@pytest.fixture
def fleet_site(new_folder: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    """A site as the composition root makes it: with the agent's judgement, the authority and a broker."""
    secret = new_folder / "secret"
    secret.write_text("a passphrase for tests\n", encoding="ascii")
    secret.chmod(0o600)
    passphrase = b"a passphrase for tests"
    make_authority(
        new_folder / "root", new_folder / "ca", root_passphrase=passphrase, passphrase=passphrase, now=NOW
    )
    settings = EnrolmentSettings(authority=new_folder / "ca", passphrase_file=secret)

    def made(*arguments: Any) -> Context:
        context = Context(*arguments)
        admitting = open_enrolment(settings, context.database, clock=context.clock)
        return dataclasses.replace(context, check_config=check_desired, enrolment=admitting)

    broker = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    with patch("tests.api.conftest.Context", made):
        running = Site(new_folder, FAST, broker).start()
        yield running
        running.stop()


def keep(site: Site, state: GatewayState = STATE, *, age_s: float = 1.0, code: str = GATEWAY) -> None:
    at_us = site.now_us() - round(age_s * 1e6)
    health = GatewayHealth(code, FACILITY, state, at_us, at_us if state.online else None)

    async def put(tx: Transaction) -> None:
        await fleet.put_healths(tx, [health])

    site.write(put)


def row_of(client: httpx.Client, code: str = GATEWAY) -> str:
    """The text of a gateway's row."""
    html = client.get("/gateways").text
    return next(part for part in html.split("<tr>") if f"/gateways/{code}" in part)


def send(client: httpx.Client, body: str, version: str = "0", code: str = GATEWAY) -> httpx.Response:
    token = form_token(client.get(f"/gateways/{code}").text)
    form = {"csrf_token": token, "body": body, "version": version, "note": "thử"}
    return client.post(f"/gateways/{code}/config", data=form)


def test_the_list_shows_health_clock_memory_and_software(own_site: Site) -> None:
    keep(own_site)
    with own_site.sign_in() as client:
        row = row_of(client)
        never = row_of(client, "gw-can-gio")

    for shown in ("đang kết nối", "đã đồng bộ", "1 ngày 6 giờ", "oxywatch 9.9", "đặt tại thiết bị"):
        assert shown in row
    assert "chưa từng có tin" in never


def test_a_lost_gateways_zeros_are_not_shown_as_an_empty_memory(own_site: Site) -> None:
    keep(own_site)
    will = msgspec.structs.replace(STATE, online=False, clock_synchronised=False, spool_hours_left=0.0)
    keep(own_site, will)
    with own_site.sign_in() as client:
        row = row_of(client)

    assert "mất kết nối" in row
    assert "phút" not in row
    assert "chưa đồng bộ" not in row


def test_an_old_account_is_not_current_whatever_it_says(own_site: Site) -> None:
    keep(own_site, age_s=300)
    with own_site.sign_in() as client:
        row = row_of(client)

    assert "im lặng" in row
    assert "đã đồng bộ" not in row


def test_a_configuration_is_checked_kept_and_sent(fleet_site: Site, mosquitto: Mosquitto) -> None:
    with fleet_site.sign_in() as client:
        refused = send(client, BODY.replace("800 mbar", "800"))
        strange = send(client, BODY.replace(TANK, "can-gio-1"))
        syntax = send(client, "not toml")
        accepted = send(client, BODY.replace("\n", "\r\n"))
        page = client.get(f"/gateways/{GATEWAY}").text
    sent = asyncio.run(retained_config(mosquitto))

    assert [answer.status_code for answer in (refused, strange, syntax)] == [422] * 3
    assert "tank[0].dp.at_20_ma" in refused.text
    assert "configuration:11" in refused.text
    assert "can-gio-1" in strange.text
    assert accepted.headers["location"] == f"/gateways/{GATEWAY}?done=saved"
    assert "đã gửi, chưa trả lời" in page
    assert (sent.version, sent.body) == (1, BODY)
    assert sent.sha256 == fleet.sha256_of(BODY)


async def retained_config(mosquitto: Mosquitto) -> GatewayConfig:
    topic = gateway_topic(GatewayAddress("hcm", FACILITY, GATEWAY), Leaf.CONFIG)
    settings = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    async with Session(settings, client_id="fleet-test", subscriptions=[topic]) as session:
        async with asyncio.timeout(20):
            message = await session.receive()
        await session.publish(topic, b"", retain=True)
    return unpack(message.payload, GatewayConfig)


def test_versions_show_what_changed_and_an_earlier_one_can_be_used_again(fleet_site: Site) -> None:
    with fleet_site.sign_in() as client:
        send(client, BODY)
        send(client, BODY.replace("192.0.2.7", "192.0.2.8"), "1")
        late = send(client, BODY.replace("192.0.2.7", "192.0.2.9"), "1")
        page = client.get(f"/gateways/{GATEWAY}").text
        token = form_token(page)
        client.post(f"/gateways/{GATEWAY}/config/1/restore", data={"csrf_token": token})
        absent = client.post(f"/gateways/{GATEWAY}/config/77/restore", data={"csrf_token": token})
    versions = fleet_site.write(_versions)

    assert late.status_code == 409
    assert "- host = &#34;192.0.2.7&#34;" in page
    assert "+ host = &#34;192.0.2.8&#34;" in page
    assert [(each.version, "192.0.2.7" in each.body) for each in versions] == [
        (3, True),
        (2, False),
        (1, True),
    ]
    assert absent.status_code == 404


async def _versions(tx: Transaction) -> list[fleet.DesiredConfig]:
    return await fleet.config_versions(tx, GATEWAY)


@pytest.mark.parametrize(("ok", "said"), [(True, "đã nhận"), (False, "thiết bị từ chối")])
def test_what_the_gateway_made_of_it_is_shown(fleet_site: Site, ok: bool, said: str) -> None:
    with fleet_site.sign_in() as client:
        send(client, BODY)
        error = "" if ok else "tank[0].device: unknown"
        reported = ReportedConfig(GATEWAY, 1, fleet.sha256_of(BODY), ok, error, fleet_site.now_us())
        fleet_site.write(_reporting(reported))
        page, row = client.get(f"/gateways/{GATEWAY}").text, row_of(client)

    assert said in row
    assert error in page


def _reporting(reported: ReportedConfig) -> Callable[[Transaction], Awaitable[None]]:
    async def report(tx: Transaction) -> None:
        await fleet.report_config(tx, reported)

    return report


def test_without_the_agents_judgement_nothing_is_sent(own_site: Site) -> None:
    with own_site.sign_in() as client:
        answer = send(client, BODY)

    assert answer.status_code == 422
    assert own_site.write(_versions) == []


def test_a_viewer_sees_the_fleet_and_changes_nothing(own_site: Site) -> None:
    with own_site.viewer() as client:
        page = client.get(f"/gateways/{GATEWAY}").text
        token = form_token(page)
        statuses = {
            client.post(f"/gateways/{GATEWAY}/{what}", data={"csrf_token": token}).status_code
            for what in ("config", "config/1/restore", "enrolment-code", "revoke")
        }

    assert "<textarea" not in page
    assert statuses == {403}


def test_a_gateway_that_is_not_there_is_not_there(own_site: Site) -> None:
    with own_site.sign_in() as client:
        assert client.get("/gateways/gw-nowhere").status_code == 404


def test_a_code_made_on_the_page_enrols_over_https_and_a_revocation_ends_it(
    fleet_site: Site, tmp_path: Path
) -> None:
    with fleet_site.sign_in() as client:
        token = form_token(client.get(f"/gateways/{GATEWAY}").text)
        shown = client.post(f"/gateways/{GATEWAY}/enrolment-code", data={"csrf_token": token}).text
        code = shown.split('data-field="code">')[1].split("<")[0]
        request = new_request(new_key(tmp_path / "gw.key"))
        with fleet_site.visitor() as gateway:
            enrolled = gateway.post("/api/v1/enrolments", json={"code": code, "request": request})
            wrong = gateway.post("/api/v1/enrolments", json={"code": "AAAAA", "request": request})
        again = client.get(f"/gateways/{GATEWAY}").text
        silent = client.post(f"/gateways/{GATEWAY}/revoke", data={"csrf_token": token})
        client.post(f"/gateways/{GATEWAY}/revoke", data={"csrf_token": token, "reason": "mất cắp"})
        after = client.get(f"/gateways/{GATEWAY}").text
        refused = client.post(f"/gateways/{GATEWAY}/enrolment-code", data={"csrf_token": token})

    assert enrolled.status_code == 201
    assert "BEGIN CERTIFICATE" in enrolled.json()["certificate"]
    assert (enrolled.json()["gateway"], enrolled.json()["facility"]) == (GATEWAY, FACILITY)
    assert wrong.json()["code"] == "bad_enrolment_code"
    assert code not in again
    assert silent.status_code == 422
    assert "đã thu hồi" in after
    assert refused.status_code == 422


def test_where_nobody_enrols_it_says_so(site: Site) -> None:
    with site.visitor() as gateway:
        answer = gateway.post("/api/v1/enrolments", json={"code": "A", "request": "B"})

    assert (answer.status_code, answer.json()["code"]) == (503, "enrolment_off")


def test_a_change_is_shown_by_lines() -> None:
    shown = changes("a = 1\nb = 2\n", "a = 1\nb = 3\n")

    assert ("-", "b = 2") in shown
    assert ("+", "b = 3") in shown
    assert (" ", "a = 1") in shown
    assert changes("a\n", "a\n") == []
