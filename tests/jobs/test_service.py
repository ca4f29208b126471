"""Jobs against real records, and the mail sink into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker_link import BrokerSettings, Session
from channels.message import Mail
from channels.smtp import Security, SmtpChannel, SmtpSettings
from jobs import mail_sink, service
from jobs.schedule import Job
from jobs.settings import JobsSettings
from oxygen.errors import Retryable
from oxygen.units import US_PER_DAY
from oxygen.wire.packing import unpack
from oxygen.wire.payloads import Heartbeat
from oxygen.wire.topics import heartbeat_topic
from records import messages, status
from records.database import Database, Transaction
from records.status import Checkpoint
from tests.oxygen.rules.build import START_US, reading
from tests.servers import Mosquitto


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/records.sqlite")
    await opened.migrate()
    yield opened
    await opened.close()


async def test_what_is_kept_long_enough_goes_and_the_newest_state_stays(database: Database) -> None:
    old_us, new_us = START_US, START_US + 8 * US_PER_DAY
    async with database.write() as tx:
        await status.append_statuses(tx, "hcm", [reading(old_us)], late=False, written_us=old_us)
        await status.append_statuses(
            tx, "hcm", [reading(new_us, subject="tank:b")], late=False, written_us=new_us
        )
        for at_us in (old_us, old_us + 1, new_us):
            await status.put_checkpoint(tx, Checkpoint("tank:b", at_us, b"x"))
    desk = service.JobDesk(service.jobs_of(JobsSettings()), database, lambda: new_us)

    await desk.look()
    await desk.look()

    async with database.read() as tx:
        rows = await status.statuses_after(tx, 0)
        latest = await status.latest_statuses(tx)
        kept = await status.checkpoints(tx, "tank:b")
    assert [row.status.subject for row in rows] == ["tank:b"]
    assert len(latest) == 2
    assert [checkpoint.at_us for checkpoint in kept] == [new_us]
    assert desk.done == {
        "prune_statuses": 1,
        "prune_checkpoints": 1,
        "prune_sessions": 1,
        "prune_codes": 1,
        "erase_former_accounts": 1,
    }


async def test_a_job_that_fails_comes_again_and_holds_up_no_other(database: Database) -> None:
    tries = []

    async def failing(tx: Transaction, now_us: int) -> int:
        tries.append(now_us)
        if len(tries) == 1:
            raise Retryable("locked", code="records_down")
        return 0

    async def working(tx: Transaction, now_us: int) -> int:
        return 1

    desk = service.JobDesk(
        {Job("failing", US_PER_DAY): failing, Job("working", US_PER_DAY): working}, database, lambda: START_US
    )
    await desk.look()
    assert desk.done == {"failing": 0, "working": 1}
    await desk.look()
    await desk.look()

    assert desk.done == {"failing": 1, "working": 1}
    assert len(tries) == 2


async def test_jobs_run_beat_and_stop_when_told(database: Database, mosquitto: Mosquitto) -> None:
    broker = BrokerSettings(host=mosquitto.host, port=mosquitto.port)
    stop = asyncio.Event()
    settings = JobsSettings(instance="jobs-of-test", heartbeat_every_s=0.05, look_every_s=0.05)
    listener = Session(
        broker, client_id="jobs-listener", subscriptions=[heartbeat_topic("jobs", "jobs-of-test")]
    )
    async with listener:
        await asyncio.wait_for(listener.connected.wait(), 10)
        running = asyncio.create_task(
            service.run(settings, database, broker, clock=lambda: START_US, stop=stop)
        )
        message = await asyncio.wait_for(listener.receive(), 10)
        stop.set()
        await asyncio.wait_for(running, 10)

    beat = unpack(message.payload, Heartbeat)
    assert (beat.service, beat.instance, beat.t_us) == ("jobs", "jobs-of-test", START_US)


async def test_the_mail_that_was_sent_can_be_read_in_the_records(database: Database) -> None:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        mail_sink.run(database, clock=lambda: START_US, stop=stop, on_listening=port.set_result)
    )
    settings = SmtpSettings(host="127.0.0.1", port=await port, security=Security.NONE, sender="w@example.org")
    mail = Mail(key="k", recipient="lan@example.org", subject="Gấp", text="Còn ít.", html="<p>Còn ít.</p>")

    await SmtpChannel(settings).send(mail, now_us=START_US)
    stop.set()
    await asyncio.wait_for(running, 10)

    async with database.read() as tx:
        (kept,) = await messages.received_mails(tx)
    assert (kept.received_us, kept.sender, kept.recipients) == (
        START_US,
        "w@example.org",
        ["lan@example.org"],
    )
    assert (kept.subject, kept.body_text.strip()) == ("Gấp", "Còn ít.")
    assert kept.body_html.strip() == "<p>Còn ít.</p>"
