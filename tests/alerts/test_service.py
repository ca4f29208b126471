"""The whole program: status rows in, a mail at a real server and signs of life at a real broker out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from alerts import service
from alerts.settings import AlertsSettings, OutboxSettings
from broker_link import BrokerSettings, Session
from channels.smtp import Security, SmtpSettings
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import Heartbeat, Watch
from oxygen.wire.topics import all_heartbeats, status_topic, watch_topic
from tests.alerts.watched_world import SUBJECT, Bench
from tests.channels.mail_server import letterbox
from tests.oxygen.rules.build import reading
from tests.servers import Mosquitto


def now_us() -> int:
    return time.time_ns() // 1000


def settings_for(mail_port: int, *, poll_every_s: float = 0.05) -> AlertsSettings:
    smtp = SmtpSettings(
        host="127.0.0.1", port=mail_port, security=Security.NONE, sender="w@example.org", timeout_s=3.0
    )
    return AlertsSettings(
        instance="alerts-of-test",
        poll_every_s=poll_every_s,
        tick_every_s=0.1,
        registry_every_s=0.1,
        start_grace_s=0.0,
        watch_every_s=0.1,
        heartbeat_every_s=0.1,
        retry_s=0.05,
        smtp=smtp,
        outbox=OutboxSettings(poll_every_s=0.05, first_retry_s=0.1, reclaim_after_s=11.0),
    )


@asynccontextmanager
async def running(bench: Bench, settings: AlertsSettings, broker: BrokerSettings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(settings, bench.database, broker, clock=now_us, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def eventually(check: Callable[[], Awaitable[bool]], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not await check():
            await asyncio.sleep(0.05)


def broker_of(mosquitto: Mosquitto) -> BrokerSettings:
    return BrokerSettings(host=mosquitto.host, port=mosquitto.port, backoff_first_s=0.05, backoff_cap_s=0.2)


async def low_for_a_second(bench: Bench) -> None:
    await bench.limit("low_stock", raise_delay_s=0.3, critical_raise_delay_s=0.3, clear_delay_s=0.3)
    await bench.contact()
    await bench.write(reading(now_us(), 9.0))


async def test_a_tank_that_runs_low_ends_in_a_mail_and_its_refill_in_another(
    bench: Bench, mosquitto: Mosquitto
) -> None:
    async with letterbox() as box, running(bench, settings_for(box.port), broker_of(mosquitto)):

        async def mails(count: int) -> None:
            async def there() -> bool:
                return len(box.mails) >= count

            await eventually(there)

        await low_for_a_second(bench)
        await mails(1)
        await bench.write(reading(now_us(), 90.0))
        await mails(2)

    subjects = [str(mail["Subject"]).split(":")[0] for mail in box.mails]
    assert subjects == ["Nguy cấp", "Hết báo động oxy lỏng sắp hết"]


async def test_restarts_in_the_middle_of_an_alarm_change_nothing(bench: Bench, mosquitto: Mosquitto) -> None:
    async def sent(count: int) -> None:
        async def there() -> bool:
            return [row.state for row in await bench.outbox()] == ["sent"] * count

        await eventually(there)

    async with letterbox() as box:
        settings, broker = settings_for(box.port), broker_of(mosquitto)
        await low_for_a_second(bench)
        async with running(bench, settings, broker):
            await asyncio.sleep(0.2)
        for _ in range(3):
            async with running(bench, settings, broker):
                await sent(1)
        await bench.write(reading(now_us(), 90.0))
        for _ in range(3):
            async with running(bench, settings, broker):
                await sent(2)

    assert [(rule, state) for rule, state, _ in await bench.story()] == [("low_stock", "cleared")]
    assert len(box.mails) == 2


async def test_a_mail_that_is_being_sent_when_the_program_ends_is_not_sent_twice(
    bench: Bench, mosquitto: Mosquitto
) -> None:
    async with letterbox() as box:
        box.pause_s = 0.5
        await low_for_a_second(bench)
        async with running(bench, settings_for(box.port), broker_of(mosquitto)):

            async def begun() -> bool:
                return box.attempts == 1

            await eventually(begun)

    assert [row.state for row in await bench.outbox()] == ["sent"]
    assert len(box.mails) == 1


async def test_without_a_broker_alarms_are_raised_all_the_same(
    bench: Bench, free_port: Callable[[], int]
) -> None:
    broker = BrokerSettings(port=free_port())
    async with letterbox() as box, running(bench, settings_for(box.port), broker):
        await low_for_a_second(bench)

        async def mailed() -> bool:
            return bool(box.mails)

        await eventually(mailed)


async def test_a_wake_up_makes_it_sooner(bench: Bench, mosquitto: Mosquitto) -> None:
    """With a poll of an hour only the status topic can have made it look."""
    broker = broker_of(mosquitto)
    async with (
        letterbox() as box,
        Session(broker, client_id="ingest-of-test") as ingest,
        running(bench, settings_for(box.port, poll_every_s=3600.0), broker),
    ):
        await asyncio.wait_for(ingest.connected.wait(), 10)
        await low_for_a_second(bench)

        async def raised() -> bool:
            # What it says does not matter, and that it comes twice neither.
            await ingest.publish(status_topic("hcm", "bv-binh-thanh", SUBJECT), b"{}")
            return bool(await bench.alarms())

        await eventually(raised)


async def test_gateways_and_watchers_hear_that_somebody_evaluates(bench: Bench, mosquitto: Mosquitto) -> None:
    broker = broker_of(mosquitto)
    topics = [watch_topic("hcm", "bv-binh-thanh"), all_heartbeats()]
    heard: dict[str, bytes] = {}
    before_us = now_us()
    async with Session(broker, client_id="watcher-of-test", subscriptions=topics) as watcher:
        await asyncio.wait_for(watcher.connected.wait(), 10)
        async with letterbox() as box, running(bench, settings_for(box.port), broker):

            async def both() -> bool:
                message = await watcher.receive()
                heard[message.topic] = message.payload
                return {topics[0], "oxy/1/system/alerts/alerts-of-test"} <= set(heard)

            await eventually(both)

    watch = unpack(heard[topics[0]], Watch)
    beat = unpack(heard["oxy/1/system/alerts/alerts-of-test"], Heartbeat)
    assert before_us <= watch.evaluated_as_of_us <= now_us()
    assert watch.valid_until_us - watch.evaluated_as_of_us == 180_000_000
    assert beat.note.startswith("watching 1, left out 0")


async def test_silence_of_everything_is_noticed(bench: Bench, mosquitto: Mosquitto) -> None:
    """Not one row is ever written, by nobody: neither a gateway nor ingest is there."""
    await bench.limit("stale_data", after_s=0.5)
    await bench.contact()
    async with letterbox() as box, running(bench, settings_for(box.port), broker_of(mosquitto)):

        async def mailed() -> bool:
            return bool(box.mails)

        await eventually(mailed)

    assert str(box.mails[0]["Subject"]).endswith("chưa có số đo nào")
