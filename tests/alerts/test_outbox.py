"""The outbox against real servers: tried again, in order of gravity, never lost, at most once too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from alerts.announcing import TEST
from alerts.outbox_worker import OutboxWorker
from alerts.settings import AlertsSettings, OutboxSettings
from alerts.trial import outcome, queue_tests
from channels.signature import is_genuine
from channels.smtp import Security, SmtpChannel, SmtpSettings
from channels.webhook import WebhookChannel, WebhookSettings
from oxygen.errors import Rejected
from records import alarms, messages
from records.messages import Contact, OutboxRow
from tests.alerts.watched_world import LAN, Bench
from tests.channels.mail_server import Letterbox, letterbox
from tests.channels.web_server import receiver
from tests.oxygen.rules.build import START_US, minutes

SECOND_US = 1_000_000


def worker_of(bench: Bench, mail_port: int | None, **outbox: Any) -> OutboxWorker:
    """Return a worker on the bench's clock whose pauses are as long as they get."""
    smtp = None
    if mail_port is not None:
        smtp = SmtpSettings(
            host="127.0.0.1", port=mail_port, security=Security.NONE, sender="w@example.org", timeout_s=3.0
        )
    webhook = WebhookSettings(allow_private=True, timeout_s=1.0)
    settings = AlertsSettings(
        page_url="https://oxy.example.org/",
        smtp=smtp,
        webhook=webhook,
        outbox=OutboxSettings(**outbox),
        retry_s=0.01,
    )
    return OutboxWorker(
        bench.database,
        settings,
        SmtpChannel(smtp) if smtp else None,
        WebhookChannel(webhook),
        clock=bench.clock,
        sleep=asyncio.sleep,
        jitter=lambda: 1.0,
    )


async def work(worker: OutboxWorker) -> int:
    """Send everything that is due now; return how many messages were tried."""
    letters = await worker.claim(100)
    for letter in letters:
        await worker.deliver(letter)
    return len(letters)


@asynccontextmanager
async def posting(bench: Bench, **outbox: Any) -> AsyncIterator[tuple[Letterbox, OutboxWorker]]:
    async with letterbox() as box:
        yield box, worker_of(bench, box.port, **outbox)


async def raised(bench: Bench, fill: float = 29.0, start: int = 0) -> None:
    """Let the tank run low until the alarm is raised."""
    await bench.fills(*[fill] * 12, start=start)
    bench.now_us = minutes(start + 11)
    await bench.evaluate()


async def refilled(bench: Bench, start: int) -> None:
    await bench.fills(*[80.0] * 12, start=start)
    bench.now_us = minutes(start + 11)
    await bench.evaluate()


async def states(bench: Bench) -> list[tuple[str, str]]:
    return [(row.template, row.state) for row in await bench.outbox()]


async def test_a_raised_alarm_arrives_and_its_history_says_so(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        assert await work(worker) == 1
        assert await work(worker) == 0

    assert len(box.mails) == 1
    assert box.recipients == [["lan@example.org"]]
    (row,) = await bench.outbox()
    assert (row.state, row.receipt, row.sent_us) == ("sent", "kept as number 1", bench.now_us)
    async with bench.database.read() as tx:
        events = await alarms.alarm_events(tx, row.alarm_id or 0)
    assert [event.kind for event in events] == ["raised", "delivered"]
    assert events[1].params["contact"] == "Lan"
    assert events[1].params["receipt"] == "kept as number 1"


async def test_refused_for_now_then_accepted(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        box.answers = ["451 later", "452 later still"]
        await work(worker)
        (row,) = await bench.outbox()
        assert (row.state, row.last_error) == ("failed", "mail_refused_for_now")
        assert row.next_due_us == bench.now_us + 5 * SECOND_US

        bench.now_us += 4 * SECOND_US
        assert await work(worker) == 0
        bench.now_us += 1 * SECOND_US
        assert await work(worker) == 1
        (row,) = await bench.outbox()
        assert row.next_due_us == bench.now_us + 10 * SECOND_US

        bench.now_us += 10 * SECOND_US
        await work(worker)

    (row,) = await bench.outbox()
    assert (row.state, row.attempts, row.last_error) == ("sent", 3, None)
    assert len(box.mails) == 1


async def test_a_server_that_is_down_for_two_attempts_gets_the_mail_when_it_is_back(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with letterbox() as box:
        port = box.port
    worker = worker_of(bench, port)
    for _ in range(2):
        assert await work(worker) == 1
        bench.now_us += 600 * SECOND_US
    async with letterbox(port=port) as box:
        await work(worker)

    (row,) = await bench.outbox()
    assert (row.state, row.attempts) == ("sent", 3)
    assert len(box.mails) == 1


async def test_a_crash_between_the_servers_yes_and_our_note_costs_one_duplicate(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        (letter,) = await worker.claim(10)
        await worker._send(letter)  # and here the process dies

        successor = worker_of(bench, box.port)
        bench.now_us += 59 * SECOND_US
        assert await work(successor) == 0
        bench.now_us += 2 * SECOND_US
        assert await work(successor) == 1
        bench.now_us += 3600 * SECOND_US
        assert await work(successor) == 0

    assert len(box.mails) == 2
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]


async def test_a_worker_that_was_overtaken_notes_nothing(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, slow):
        (letter,) = await slow.claim(10)
        bench.now_us += 61 * SECOND_US
        (again,) = await worker_of(bench, box.port).claim(10)
        async with bench.database.write() as tx:
            await messages.mark_failed(tx, again.row.id, "gone", bench.now_us, True)
        await slow.deliver(letter)

    (row,) = await bench.outbox()
    assert row.state == "given_up"


async def test_critical_goes_first(bench: Bench) -> None:
    await bench.contact()
    async with bench.database.write() as tx:
        for number, severity in enumerate(["reorder", "critical", "urgent"]):
            weight = {"reorder": 10, "urgent": 20, "critical": 30}[severity]
            item = messages.OutboxItem(
                key=severity,
                channel="email",
                address=f"{severity}@example.org",
                locale="vi",
                template=TEST,
                params={},
                created_us=START_US + number,
                priority=weight,
            )
            await messages.enqueue(tx, [item])
    async with posting(bench) as (box, worker):
        bench.now_us = minutes(1)
        await work(worker)

    assert [names[0] for names in box.recipients] == [
        "critical@example.org",
        "urgent@example.org",
        "reorder@example.org",
    ]


async def test_a_beginning_that_was_never_sent_is_told_together_with_the_end(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        box.answers = ["451 later"]
        await work(worker)
        await refilled(bench, start=12)
        assert await work(worker) == 1
        bench.now_us += 3600 * SECOND_US
        assert await work(worker) == 0

    assert await states(bench) == [("alarm_raised", "given_up"), ("alarm_cleared", "sent")]
    (mail,) = box.mails
    assert mail["Subject"].startswith("Báo động đã qua, oxy lỏng sắp hết: Bồn 1, Bệnh viện Bình Thạnh, từ ")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "trước khi gửi được tin này" in text.get_content()


async def test_both_waiting_become_one(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    await refilled(bench, start=12)
    async with posting(bench) as (box, worker):
        assert await work(worker) == 1

    assert await states(bench) == [("alarm_raised", "given_up"), ("alarm_cleared", "sent")]
    assert len(box.mails) == 1


async def test_whoever_got_the_beginning_gets_the_end(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        await work(worker)
        await refilled(bench, start=12)
        await work(worker)

    assert await states(bench) == [("alarm_raised", "sent"), ("alarm_cleared", "sent")]
    assert box.mails[1]["Subject"] == "Hết báo động oxy lỏng sắp hết: Bồn 1, Bệnh viện Bình Thạnh"


async def test_worse_replaces_a_milder_message_that_still_waits(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    await bench.fills(*[9.0] * 4, start=12)
    await bench.evaluate()
    async with posting(bench) as (box, worker):
        await work(worker)

    assert await states(bench) == [("alarm_raised", "given_up"), ("alarm_worsened", "sent")]
    assert box.mails[0]["Subject"].startswith("Nguy cấp (nặng thêm): Bồn 1")


async def test_a_recipient_that_does_not_exist_is_given_up_at_once_and_told_in_the_alarm(
    bench: Bench,
) -> None:
    await bench.contact()
    await raised(bench)
    async with posting(bench) as (box, worker):
        box.recipient_answers = ["550 no such person"]
        await work(worker)

    (row,) = await bench.outbox()
    assert (row.state, row.last_error) == ("given_up", "mail_recipient_refused")
    async with bench.database.read() as tx:
        event = (await alarms.alarm_events(tx, row.alarm_id or 0))[-1]
    assert (event.kind, event.params["error"]) == ("undeliverable", "mail_recipient_refused")
    assert event.params["contact"] == "Lan"


async def test_a_message_is_given_up_after_a_day(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    worker = worker_of(bench, None)
    tries = 0
    for _ in range(24 * 7):
        tries += await work(worker)
        bench.now_us += 600 * SECOND_US

    (row,) = await bench.outbox()
    assert (row.state, row.last_error) == ("given_up", "undeliverable_too_old")
    # Every ten minutes at the cap: a day holds 144 of them.
    assert 144 <= tries <= 146


async def test_without_a_mail_server_mails_wait_for_one(bench: Bench) -> None:
    await bench.contact()
    await raised(bench)
    await work(worker_of(bench, None))
    (row,) = await bench.outbox()
    assert (row.state, row.last_error) == ("failed", "mail_not_configured")

    bench.now_us += 5 * SECOND_US
    async with posting(bench) as (box, worker):
        await work(worker)

    assert len(box.mails) == 1


async def test_a_webhook_gets_codes_figures_and_words_signed(bench: Bench) -> None:
    with receiver() as web:
        await bench.contact(Contact("Health department", "webhook", web.url(), secret="shared", locale="en"))
        await raised(bench, fill=9.0)
        await work(worker_of(bench, None))

    (got,) = web.received
    body = msgspec.json.decode(got.body)
    assert is_genuine(
        "shared",
        timestamp=got.headers["X-OxyWatch-Timestamp"],
        body=got.body,
        received=got.headers["X-OxyWatch-Signature"],
        now_s=bench.now_us // SECOND_US,
    )
    assert (body["kind"], body["test"]) == ("alarm_raised", False)
    assert (body["alarm"]["subject"], body["alarm"]["severity"]) == ("tank:binh-thanh-1", "critical")
    assert body["alarm"]["figures"]["fill_percent"] == 9.0
    assert body["link"] == f"https://oxy.example.org/alarms/{body['alarm']['alarm_id']}"
    assert "contact" not in body["alarm"]
    assert body["subject"].startswith("Critical: Tank 1, Binh Thanh Hospital: 9.0 % left")


async def test_a_webhook_that_asks_to_wait_is_waited_for(bench: Bench) -> None:
    with receiver() as web:
        web.answers = [(429, {"Retry-After": "90"})]
        await bench.contact(Contact("Department", "webhook", web.url(), secret="s"))
        await raised(bench)
        worker = worker_of(bench, None)
        await work(worker)
        (row,) = await bench.outbox()
        bench.now_us += 90 * SECOND_US
        await work(worker)

    assert row.next_due_us == bench.now_us
    assert len(web.received) == 2
    assert web.received[0].headers["Idempotency-Key"] == web.received[1].headers["Idempotency-Key"]


async def test_one_dead_channel_does_not_hold_up_the_other(bench: Bench) -> None:
    with receiver() as web:
        web.pause_s = 1.5
        await bench.contact(Contact("Slow", "webhook", web.url(), secret="s"))
        await bench.contact()
        await raised(bench)
        async with letterbox() as box:
            worker = worker_of(bench, box.port, poll_every_s=0.02)
            running = asyncio.create_task(worker.run())
            while not box.mails:
                await asyncio.sleep(0.02)
            slow = (await bench.outbox())[0].state
            running.cancel()
            await asyncio.wait([running])

    assert slow == "sending"


async def test_a_test_message_takes_the_real_way_and_is_marked(bench: Bench) -> None:
    lan = await bench.contact()
    queued = await queue_tests(bench.database, actor="admin", now_us=bench.now_us, contact_id=lan.id)
    async with posting(bench) as (box, worker):
        await work(worker)

    assert box.mails[0]["Subject"] == "[THỬ] Tin thử: OxyWatch liên lạc được với bạn"
    row = await outcome(bench.database, queued[0])
    assert isinstance(row, OutboxRow)
    assert (row.state, row.receipt) == ("sent", "kept as number 1")
    assert await bench.alarms() == []


async def test_a_test_message_to_nobody_is_refused(bench: Bench) -> None:
    await bench.contact(msgspec.structs.replace(LAN, active=False))

    with pytest.raises(Rejected):
        await queue_tests(bench.database, actor="admin", now_us=START_US, contact_id=1)
    assert await queue_tests(bench.database, actor="admin", now_us=START_US) == []
