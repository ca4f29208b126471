"""Live figures: one stream, resumable by event id, and the same by asking again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from api.context import Context
from api.live_hub import LiveHub
from api.settings import ApiSettings
from broker_link import BrokerSettings, Session
from oxygen.wire.payloads import Status
from oxygen.wire.topics import status_topic
from records import alarms, identity, status
from records.database import Database
from telemetry import open_store
from tests.api import demo
from tests.api.conftest import FAST, Site
from tests.api.server import records_url, telemetry_settings
from tests.servers import Mosquitto

TANK = demo.TANKS[2]


@dataclass
class Event:
    kind: str
    id: int | None
    data: dict[str, Any]


@contextlib.contextmanager
def stream(client: httpx.Client, **headers: str) -> Iterator[Iterator[Event]]:
    """The events of /live as they come; ends with the stream."""

    def parsed(response: httpx.Response) -> Iterator[Event]:
        kind, number = "", None
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind, number = value, None
            elif name == "id":
                number = int(value)
            elif name == "data":
                yield Event(kind, number, json.loads(value))

    with client.stream("GET", "/live", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parsed(response)


def until(events: Iterator[Event], kind: str) -> list[Event]:
    """Everything up to the first event of a kind."""
    taken: list[Event] = []
    for event in events:
        taken.append(event)
        if event.kind == kind:
            return taken
    return taken


def add_status(site: Site, fill_percent: float, *, late: bool = False, **changes: Any) -> int:
    now = site.now_us()
    fresh = demo.present_status(TANK, now)
    changed: Status = msgspec.structs.replace(
        fresh, fill_percent=fill_percent, mass_kg=demo.mass_of(TANK, fill_percent), **changes
    )
    ids = site.write(lambda tx: status.append_statuses(tx, demo.SHARD, [changed], late=late, written_us=now))
    return ids[0]


def test_a_new_reader_gets_every_tank_and_a_sign_of_life(site: Site) -> None:
    with site.viewer() as client, stream(client) as events:
        first = until(events, "alive")

    tanks = {event.data["subject"]: event.data for event in first if event.kind == "status"}
    assert set(tanks) == {tank.subject for tank in demo.TANKS}
    assert tanks["tank:binh-thanh-1"]["band"] == "critical"
    assert tanks["tank:binh-thanh-1"]["texts"]["band"] == "nguy cấp"
    assert tanks["tank:can-gio-1"]["current"] is False
    assert first[-1].data["alarms"] == 1
    assert first[-1].data["summary"]["attention"] == "4 bồn cần chú ý"


def test_a_change_is_told_within_the_look_and_once(own_site: Site) -> None:
    with own_site.sign_in() as client, stream(client) as events:
        until(events, "alive")
        row_id = add_status(own_site, 63.2)
        told = [event for event in until(events, "alive") if event.kind == "status"]
        told += [event for event in until(events, "alive") if event.kind == "status"]

    assert [(event.id, event.data["texts"]["fill"]) for event in told] == [(row_id, "63 %")]


def test_a_reader_who_comes_back_gets_what_was_missed_and_nothing_else(own_site: Site) -> None:
    with own_site.sign_in() as client:
        with stream(client) as events:
            seen = max(event.id or 0 for event in until(events, "alive"))
        row_id = add_status(own_site, 41.0)
        with stream(client, **{"Last-Event-ID": str(seen)}) as events:
            missed = [event for event in until(events, "alive") if event.kind == "status"]
            missed = missed or [event for event in until(events, "alive") if event.kind == "status"]

    assert [event.id for event in missed] == [row_id]


def test_history_that_arrives_late_does_not_move_the_page(own_site: Site) -> None:
    with own_site.sign_in() as client, stream(client) as events:
        until(events, "alive")
        add_status(own_site, 1.0, late=True, band="critical")
        now = add_status(own_site, 64.0)
        told = [event for event in until(events, "alive") if event.kind == "status"]
        told += [event for event in until(events, "alive") if event.kind == "status"]

    assert [event.id for event in told] == [now]


def test_silence_is_filled_with_signs_of_life(site: Site) -> None:
    with site.viewer() as client, stream(client) as events:
        until(events, "alive")
        began = time.monotonic()
        until(events, "alive")

    assert time.monotonic() - began < 3 * FAST.keepalive_s


def test_an_acknowledged_alarm_leaves_the_count_of_every_page(own_site: Site) -> None:
    with own_site.sign_in() as client, stream(client) as events:
        assert until(events, "alive")[-1].data["alarms"] == 1
        own_site.write(lambda tx: alarms.acknowledge(tx, 1, actor=demo.ADMIN, now_us=own_site.now_us()))
        seen = [until(events, "alive")[-1].data["alarms"] for _ in range(3)]

    assert 0 in seen


def test_a_stream_ends_when_its_session_does(own_site: Site) -> None:
    with own_site.viewer() as client, stream(client) as events:
        until(events, "alive")
        number = next(user.id for user in own_site.write(identity.users) if user.username == demo.VIEWER)
        own_site.write(lambda tx: identity.deactivate(tx, number, actor="test", now_us=own_site.now_us()))
        rest = list(events)

    assert rest[-1].kind == "signed-out"


def test_open_streams_do_not_hold_up_the_servers_stop(new_folder: Path) -> None:
    site = Site(new_folder).start()
    with site.sign_in() as client, stream(client) as events:
        until(events, "alive")
        began = time.monotonic()
        site.stop()

        assert time.monotonic() - began < 3 * FAST.shutdown_s
        assert "signed-out" not in [event.kind for event in events]


def test_asking_again_gets_only_what_changed(own_site: Site) -> None:
    with own_site.sign_in() as client:
        first = client.get("/api/v1/live")
        assert len(first.json()["statuses"]) == 6
        same = client.get("/api/v1/live", headers={"If-None-Match": first.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")

        row_id = add_status(own_site, 39.0)
        deadline = time.monotonic() + 5
        cursor = first.json()["cursor"]
        while True:
            answer = client.get(
                f"/api/v1/live?after={cursor}", headers={"If-None-Match": first.headers["etag"]}
            )
            if answer.status_code == 200 or time.monotonic() > deadline:
                break
            time.sleep(0.05)

        assert [entry["id"] for entry in answer.json()["statuses"]] == [row_id]


def test_a_status_that_nobody_renews_is_shown_as_old(new_folder: Path) -> None:
    """When ingest stands still its last word is `in use`; the page must not repeat that for ever."""
    site = Site(new_folder).start()
    try:
        with site.sign_in() as client:
            site.clock_shift_us = round((site.settings.overdue_s + 60) * 1e6)
            entries = client.get("/api/v1/live").json()["statuses"]
            assert {entry["state"] for entry in entries} == {"overdue"}
            assert not any(entry["current"] for entry in entries)
            assert client.get("/api/v1/live").json()["summary"]["attention"] == "6 bồn cần chú ý"
            page = client.get("/").text
            assert page.count("máy chủ không cập nhật nữa") >= 6
            assert client.get("/api/v1/tanks/cho-lon-1").json()["status"]["current"] is False
    finally:
        site.stop()


async def test_a_hub_that_cannot_read_vouches_for_nothing(new_folder: Path) -> None:
    database = Database(records_url(new_folder))
    store = open_store(telemetry_settings(new_folder), readonly=True)
    settings = ApiSettings(poll_s=0.05, keepalive_s=0.1)
    hub = LiveHub(Context(database, store, lambda: 0, settings))
    assert not hub.trustworthy()
    await hub.refresh()
    assert hub.trustworthy()

    await asyncio.sleep(0.2)  # nothing refreshes it

    assert not hub.trustworthy()
    await database.close()
    await store.close()


def test_the_broker_only_wakes_and_its_payload_is_not_believed(
    new_folder: Path, mosquitto: Mosquitto
) -> None:
    """With rows looked for once a minute, a wake-up makes the new row appear at once."""
    broker = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    settings = ApiSettings(port=0, require_second_factor=False, poll_s=60, keepalive_s=0.5)
    site = Site(new_folder, settings, broker).start()

    async def wake() -> None:
        async with Session(broker, client_id="waker") as session:
            await session.connected.wait()
            topic = status_topic(demo.SHARD, TANK.facility, TANK.subject)
            await session.publish(topic, b'{"fill_percent": 1, "band": "critical"}')

    try:
        with site.sign_in() as client:
            client.get("/api/v1/live")
            row_id = add_status(site, 47.0)
            deadline = time.monotonic() + 20
            told: list[dict[str, Any]] = []
            while not told and time.monotonic() < deadline:
                asyncio.run(wake())
                told = [
                    entry
                    for entry in client.get(f"/api/v1/live?after={row_id - 1}").json()["statuses"]
                    if entry["id"] == row_id
                ]
            assert [entry["texts"]["fill"] for entry in told] == ["47 %"]
    finally:
        site.stop()


@pytest.mark.parametrize("text", ["-1", "many", "99999999999999999999"])
def test_a_strange_event_id_is_taken_as_none(site: Site, text: str) -> None:
    with site.viewer() as client, stream(client, **{"Last-Event-ID": text}) as events:
        assert len([event for event in until(events, "alive") if event.kind == "status"]) == 6
