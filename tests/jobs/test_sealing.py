"""The audit is sealed by the clock, and its head goes out once a local day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alerts.rendering import mail
from jobs import sealing, service
from jobs.settings import JobsSettings
from oxygen.errors import Retryable
from oxygen.units import US_PER_DAY, US_PER_S
from records import audit, messages
from records.database import Database

# 21 November 2026, 10:05 in Viet Nam, is 03:05 UTC.
AT_US = 1_795_230_300_000_000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/records.sqlite")
    await opened.migrate()
    yield opened
    await opened.close()


async def note(database: Database, times: int = 1) -> None:
    async with database.write() as tx:
        for _ in range(times):
            await audit.record(tx, at_us=AT_US, actor="lan", action="test", subject="test")


async def test_whatever_waits_is_sealed_in_blocks_of_bounded_size(database: Database) -> None:
    await note(database, audit.ROWS_PER_BLOCK + 5)
    first = await sealing.seal_pending(database, lambda: AT_US)
    again = await sealing.seal_pending(database, lambda: AT_US)
    async with database.read() as tx:
        verdict = await audit.verify(tx)
    assert (first, again) == (2, 0)
    assert (verdict.blocks, verdict.rows, verdict.unsealed, verdict.problems) == (
        2,
        audit.ROWS_PER_BLOCK + 5,
        0,
        [],
    )


async def test_sealing_goes_on_after_the_records_were_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await note(database)
    pauses = 0
    real = sealing.seal_pending

    async def away_at_first(*given: object) -> int:
        if pauses < 2:
            raise Retryable("down", code="records_down")
        return await real(database, lambda: AT_US)

    async def sleep(seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        assert seconds == 1.0
        if pauses == 4:
            raise asyncio.CancelledError

    monkeypatch.setattr(sealing, "seal_pending", away_at_first)
    with pytest.raises(asyncio.CancelledError):
        await sealing.run(database, 1.0, clock=lambda: AT_US, sleep=sleep)
    async with database.read() as tx:
        assert await audit.unsealed_tail(tx) is None


async def test_the_head_is_mailed_once_a_local_day_to_everybody_named(database: Database) -> None:
    settings = JobsSettings(audit_head_addresses=("a@b.example", "c@d.example"), audit_head_locale="en")
    now_us = AT_US
    desk = service.JobDesk(service.jobs_of(settings), database, lambda: now_us)
    await desk.look()
    async with database.read() as tx:
        before_the_first_block = await messages.outbox(tx)
    await note(database, 3)
    await sealing.seal_pending(database, lambda: AT_US)
    for minutes in (10, 20, 14 * 60):  # the last is the following day in Viet Nam
        now_us = AT_US + minutes * 60 * US_PER_S
        await desk.look()
    now_us = AT_US + US_PER_DAY
    await desk.look()

    async with database.read() as tx:
        queued = await messages.outbox(tx)
        head = await audit.newest_block(tx)
    assert before_the_first_block == []
    assert sorted(row.key for row in queued) == [
        f"audit_head-2026-11-{day}-{address}"
        for day in (21, 22)
        for address in ("a@b.example", "c@d.example")
    ]
    assert head is not None
    words = mail(queued[0], page_url="http://x.example", passed=False)
    assert words.subject == "OxyWatch: seal of the audit up to block 1"
    assert f"--head 1:{head.hash}" in words.text
    assert "2026-11-21 03:05:00 UTC" in words.text


async def test_without_addresses_there_is_no_such_job(database: Database) -> None:
    assert all(job.name != "mail_audit_head" for job in service.jobs_of(JobsSettings()))
