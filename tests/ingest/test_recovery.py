"""Starting again: nothing that was acknowledged is forgotten, and evaluation does not wait for the past."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ingest import recovery
from ingest.checkpoints import Checkpoint, Shelf
from ingest.subject_engine import DirtyPast, LateSpan, SubjectEngine
from oxygen.errors import Permanent, Retryable
from oxygen.reading import Sample
from records import registry as registry_records
from records import status as status_records
from telemetry.contract import Point
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import EPOCH, REGISTRY, batch, tank
from tests.ingest.test_any_order import one_pass
from tests.oxygen.readings import DAY, HOUR, MINUTE, TANK, S, broken, good, sample

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


class TestRegistry:
    """Tanks come, change and go while their samples are on the way."""

    async def follow(self, centre: Centre) -> None:
        view = await centre.ingest._newer_view()
        assert view is not None
        centre.ingest.shard().replace_view(view)

    async def put(self, centre: Centre, **changes: object) -> None:
        from msgspec.structs import replace

        async with centre.database.write() as tx:
            changed = replace(tank("a-1"), **changes)
            await registry_records.put_tank(tx, changed, actor="test", now_us=START)

    async def test_a_tank_that_becomes_impossible_goes_on_as_it_was(self, centre: Centre) -> None:
        await begin(centre)
        await deliver(centre, ALL[:50])
        await self.put(centre, geometry={"orientation": "sideways"})
        await self.follow(centre)

        await deliver(centre, ALL[50:])
        await centre.clean()

        assert centre.state() == one_pass(ALL).state
        assert await centre.letters() == []

    async def test_readings_of_an_impossible_tank_are_kept_and_weighed_when_it_is_corrected(
        self, centre: Centre
    ) -> None:
        await self.put(centre, geometry={"orientation": "sideways"})
        await begin(centre)
        await deliver(centre, ALL)
        assert SUBJECT not in centre.ingest.shard().engines
        assert len(centre.stored_numbers()) == 100
        assert await centre.letters() == []

        await self.put(centre)
        await self.follow(centre)
        centre.send(batch([sample(START, good(8000.0), seq=101)]))
        await centre.quiet()
        await centre.clean()

        assert centre.state() == one_pass([*ALL, sample(START, good(8000.0), seq=101)]).state

    async def test_a_tank_that_moves_to_another_shard_ends_nothing_here(self, centre: Centre) -> None:
        from msgspec.structs import replace

        await begin(centre)
        await deliver(centre, LIVE)
        await deliver(centre, LATE[:2])
        centre.memory.gate.clear()
        await self.put(centre, gateway=None)
        async with centre.database.write() as tx:
            elsewhere = replace(REGISTRY.facilities[0], shard="hn")
            await registry_records.put_facility(tx, elsewhere, actor="test", now_us=START)
        await self.follow(centre)
        centre.memory.gate.set()
        await centre.write_days()
        await centre.clean()

        centre.send(batch([sample(START, good(8000.0), seq=101)]))
        await centre.taken()
        await centre.until(lambda: centre.ingest._letters.written == 1)
        assert [letter.reason for letter in await centre.letters()] == ["unknown_gateway"]

    async def test_a_corrected_tank_is_weighed_by_the_new_data_from_then_on(self, centre: Centre) -> None:
        await begin(centre)
        centre.send(batch([sample(START - MINUTE, good(9000.0))]))
        await centre.quiet()
        await self.put(centre, heel_fraction=0.2)
        await self.follow(centre)
        centre.send(batch([sample(START, good(9000.0), seq=2)]))
        await centre.quiet()

        before, after = [row.fields["fill_percent"] for row in centre.memory.of("derived")]
        assert float(after) < float(before) - 5


class TestShelf:
    """Which checkpoints may be believed while others are being saved."""

    def test_a_late_sample_takes_later_checkpoints_off_the_shelf(self) -> None:
        shelf = Shelf()
        shelf.add([Checkpoint(hour, b"") for hour in (1, 2, 3)])

        shelf.invalidate(2)

        unsaved = shelf.begin_save()
        assert unsaved is not None
        assert [item.at_us for item in unsaved.checkpoints] == [1, 2]
        assert unsaved.wrong_after_us == 2

    def test_what_goes_wrong_during_a_save_is_wrong_after_it(self) -> None:
        shelf = Shelf()
        shelf.add([Checkpoint(hour, b"") for hour in (1, 2, 3)])
        unsaved = shelf.begin_save()
        assert unsaved is not None
        shelf.invalidate(1)
        shelf.saved(unsaved)

        again = shelf.begin_save()

        assert again is not None
        assert (again.wrong_after_us, again.checkpoints) == (1, ())

    def test_until_the_deletion_is_committed_saved_checkpoints_are_not_believed(self) -> None:
        shelf = Shelf()
        shelf.invalidate(5)
        assert shelf.saved_hold_until_us(9) == 5
        unsaved = shelf.begin_save()
        assert unsaved is not None
        assert shelf.saved_hold_until_us(9) == 5
        shelf.failed()
        assert shelf.saved_hold_until_us(9) == 5
        unsaved = shelf.begin_save()
        assert unsaved is not None
        shelf.saved(unsaved)
        assert shelf.saved_hold_until_us(9) == 9
        assert shelf.begin_save() is None

    def test_a_replay_that_was_overtaken_keeps_only_checkpoints_before_the_newcomer(self) -> None:
        subject_engine = SubjectEngine(SUBJECT, TANK, None)
        subject_engine.note_late(LateSpan(2 * HOUR, 3 * HOUR), 0)
        assert subject_engine.start_replay() == DirtyPast(2 * HOUR, LateSpan(2 * HOUR, 3 * HOUR))
        subject_engine.note_late(LateSpan(4 * HOUR, 4 * HOUR), 0)

        made = [Checkpoint(hour * HOUR, b"") for hour in (3, 4, 5)]
        subject_engine.finish_replay(one_pass([]).state, made)

        unsaved = subject_engine.shelf.begin_save()
        assert unsaved is not None
        assert unsaved.wrong_after_us == 2 * HOUR
        assert [item.at_us for item in unsaved.checkpoints] == [3 * HOUR, 4 * HOUR]
        assert subject_engine.is_dirty

    def test_a_replay_that_failed_is_as_if_it_had_not_begun(self) -> None:
        subject_engine = SubjectEngine(SUBJECT, TANK, None)
        subject_engine.note_late(LateSpan(2 * HOUR, 3 * HOUR), 7)
        subject_engine.start_replay()
        subject_engine.mark_dirty(DAY, 8)

        subject_engine.abandon_replay()

        assert subject_engine.past == DirtyPast(2 * HOUR, LateSpan(2 * HOUR, 3 * HOUR))
        with pytest.raises(ValueError, match="no dirty past"):
            SubjectEngine(SUBJECT, TANK, None).start_replay()
