"""Starting again: nothing that was acknowledged is forgotten, and evaluation does not wait for the past."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from ingest import recovery
from oxygen.errors import Permanent, Retryable
from oxygen.reading import Sample
from records import status as status_records
from telemetry.contract import Point
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import EPOCH, batch
from tests.ingest.test_any_order import one_pass
from tests.oxygen.readings import HOUR, MINUTE, S, broken, good, sample

SUBJECT = "tank:a-1"


def hours_of(first: int, last: int) -> list[Sample]:
    """One sample every five minutes; number 1 was read ten hours before the start."""
    return [
        sample(START - 10 * HOUR + seq * 5 * MINUTE, good(9000.0 - 3 * seq), seq=seq)
        for seq in range(first, last + 1)
    ]


ALL = hours_of(1, 100)
LATE = hours_of(20, 23)
LIVE = [each for each in ALL if each not in LATE]


async def deliver(centre: Centre, samples: list[Sample]) -> None:
    run: list[Sample] = []
    for each in samples:
        if run and each.seq != run[-1].seq + 1:
            centre.send(batch(run))
            run = []
        run.append(each)
    centre.send(batch(run))
    await centre.quiet()


async def begin(centre: Centre) -> None:
    """Start, and wait until the look into the empty store is over."""
    await centre.start()
    await centre.until(lambda: not any(item.is_dirty for item in centre.ingest.shard().engines.values()))


async def checkpoints(centre: Centre) -> list[int]:
    async with centre.database.read() as tx:
        return [item.at_us for item in await status_records.checkpoints(tx, SUBJECT)]


async def test_a_start_goes_on_from_the_newest_checkpoint_and_the_store(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, ALL)
    await centre.clean()
    await centre.save()
    (newest, *_) = await checkpoints(centre)
    assert START - 3 * HOUR < newest <= START

    await centre.kill()
    centre.memory.forget_before(newest)
    await centre.start()

    assert centre.state() == one_pass(ALL).state
    assert list(centre.ingest.shard().book.of("gw-a", EPOCH).stored) == [(1, 100)]


async def test_a_late_sample_is_there_at_once_after_a_kill_that_came_before_its_replay(
    centre: Centre,
) -> None:
    """Stored, acknowledged and in the saved ledger: nobody would ever send it again."""
    await begin(centre)
    await deliver(centre, LIVE)
    await centre.clean()
    await centre.save()
    before = await checkpoints(centre)

    await deliver(centre, LATE[:2])  # a hole stays open, so that no replay begins
    await centre.save()
    await centre.kill()
    await centre.start()

    assert centre.state() == one_pass([*LIVE, *LATE[:2]]).state
    late_us = LATE[0].t_us or 0
    assert [at_us for at_us in before if at_us > late_us] != []
    assert [at_us for at_us in await checkpoints(centre) if at_us > late_us] == []


async def test_a_late_span_is_told_after_a_kill_and_told_once(centre: Centre) -> None:
    """The late reading of a broken wire is a late row, whichever process comes to write it."""
    await begin(centre)
    await deliver(centre, LIVE)
    await centre.clean()
    faulty = [sample(each.t_us, broken(), seq=each.seq) for each in LATE]
    await deliver(centre, faulty[:2])
    await centre.save()
    await centre.kill()
    told = len([row for row in await centre.statuses() if row.late])

    await centre.start()
    await deliver(centre, faulty[2:])
    await centre.clean()
    late = [row.status for row in await centre.statuses() if row.late][told:]
    assert [status.state for status in late] == ["fault"]
    assert late[0].evaluated_us == faulty[0].t_us

    await centre.save()
    await centre.kill()
    await centre.start()
    await centre.clean()
    assert len([row for row in await centre.statuses() if row.late]) == told + 1


async def test_a_store_that_is_down_at_the_start_delays_nothing_and_is_caught_up_with(
    centre: Centre,
) -> None:
    await begin(centre)
    await deliver(centre, ALL)
    await centre.clean()
    await centre.write_days()
    days = await centre.days()
    await centre.save()
    await centre.kill()

    centre.memory.read_error = Permanent("unauthorised", code="telemetry_refused")
    centre.now_us += MINUTE
    await centre.start()
    more = [sample(centre.now_us - S, good(8000.0), seq=101)]
    await deliver(centre, more)
    assert any(item.is_dirty for item in centre.ingest.shard().engines.values())
    await centre.write_days()
    assert await centre.days() == days  # figures with samples missing stay out of sight

    centre.memory.read_error = None
    await centre.clean()
    assert centre.state() == one_pass([*ALL, *more]).state


async def test_a_replay_waits_for_what_is_still_on_its_way_into_the_store(centre: Centre) -> None:
    """It folds what the store holds; what has left the window and is not there yet would be forgotten."""
    await begin(centre)
    centre.memory.gate.clear()
    for each in LIVE:
        centre.send(batch([each]))
    centre.send(batch(LATE))
    await centre.taken()
    centre.now_us += 20 * MINUTE
    for _ in range(50):
        await asyncio.sleep(0.002)
    assert any(item.is_dirty for item in centre.ingest.shard().engines.values())

    centre.memory.gate.set()
    await centre.clean()

    assert centre.state() == one_pass(ALL).state


async def test_checkpoints_of_another_version_are_passed_over(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, ALL)
    await centre.clean()
    await centre.save()
    await centre.kill()
    async with centre.database.write() as tx:
        await tx.execute(text("UPDATE engine_checkpoint SET body = x'00' WHERE at_us > 0"))

    await centre.start()
    await centre.clean()

    assert centre.state() == one_pass(ALL).state


async def test_rows_of_somebody_else_in_the_store_are_passed_over(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, ALL)
    tags = (("facility", "bv-a"), ("gateway", "gw-x"), ("subject", SUBJECT))
    await centre.memory.write(
        [
            Point("raw", tags, START - HOUR, {"seq": 1, "epoch": "e"}),
            Point("raw", tags, START - HOUR + 1, {"seq": 2, "epoch": "e", "boot": "b", "mono_us": 1}),
        ]
    )

    await centre.kill()
    await centre.start()
    await centre.clean()

    assert centre.state() == one_pass(ALL).state


async def test_a_long_past_is_left_to_a_replay_so_that_evaluation_begins_soon(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "REFOLDED_AT_MOST_US", 2 * HOUR)
    await begin(centre)
    await deliver(centre, ALL)
    await centre.kill()  # without any save: no checkpoint, no ledger

    centre.memory.gate.clear()
    reads = centre.memory.rows_read
    await centre.start()
    assert centre.memory.rows_read - reads < 40
    assert centre.state().balance.at_us == ALL[-1].t_us

    centre.memory.gate.set()
    await centre.clean()
    assert centre.state() == one_pass(ALL).state


async def test_a_sample_that_was_dated_twice_counts_once(centre: Centre) -> None:
    """Stored without a time of its own, killed before the ledger was saved, sent and dated again."""
    await begin(centre)
    await deliver(centre, ALL)
    await centre.clean()
    await centre.save()
    undated = [sample(None, good(8000.0), seq=101, mono_us=0)]
    centre.send(batch(undated, sent_mono_us=3 * HOUR))
    await centre.quiet()
    await centre.kill()
    await centre.start()
    centre.now_us += 2 * S
    centre.send(batch(undated, sent_mono_us=3 * HOUR + S))
    await centre.quiet()
    await centre.clean()

    assert len([number for number in centre.stored_numbers() if number == (EPOCH, 101)]) == 2
    assert centre.state().count == 101


async def test_an_orderly_end_saves_ledgers_and_days(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, ALL)

    await centre.stop()

    async with centre.database.read() as tx:
        (ledger,) = await status_records.ledgers(tx)
    assert ledger.ranges == ((1, 100),)
    assert [day.local_date for day in await centre.days()] == ["2025-11-20", "2025-11-21"]


async def test_a_failed_save_forgets_nothing(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    await begin(centre)
    await deliver(centre, LIVE)
    await centre.clean()
    await centre.save()
    await deliver(centre, LATE[:1])

    with monkeypatch.context() as patch:

        def no_records(*_args: object) -> None:
            raise Retryable("down", code="records_down")

        patch.setattr("ingest.ledger_keeper.put_late", no_records)
        with pytest.raises(Retryable):
            await centre.save()
    await centre.save()
    await centre.kill()
    await centre.start()

    assert centre.state() == one_pass([*LIVE, *LATE[:1]]).state
