"""From message to store and acknowledgement: each sample once, and stored means stored."""

from __future__ import annotations

import pytest

from oxygen.errors import Permanent, Retryable
from oxygen.ranges import RangeSet
from oxygen.reading import Sample
from telemetry.contract import Point
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import EPOCH, batch
from tests.ingest.test_any_order import one_pass
from tests.oxygen.readings import HOUR, MINUTE, S, good, sample

DOWN = Retryable("no answer", code="telemetry_unreachable")
REFUSED = Permanent("unauthorised", code="telemetry_refused")


def run(first: int, last: int, *, every_us: int = 10 * S, until_us: int = START) -> list[Sample]:
    """Samples first…last, the last one read at `until_us`."""
    return [
        sample(until_us - (last - seq) * every_us, good(9000.0 - seq), seq=seq)
        for seq in range(first, last + 1)
    ]


async def test_a_message_is_seen_stored_and_told_to_its_gateway(centre: Centre) -> None:
    await centre.start()

    centre.send(batch(run(1, 5)))
    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 5)])

    assert list(centre.broker.seen[EPOCH]) == [(1, 5)]
    assert centre.stored_numbers() == [(EPOCH, seq) for seq in range(1, 6)]
    assert len(centre.memory.of("derived", subject="tank:a-1")) == 5
    assert centre.state().count == 5


async def test_a_repeated_message_changes_nothing_and_is_acknowledged_again(centre: Centre) -> None:
    await centre.start()
    centre.send(batch(run(1, 5)))
    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 5)])
    state, acks = centre.state(), len(centre.broker.acks)

    centre.send(batch(run(1, 5)))
    centre.send(batch(run(3, 8, until_us=START + 30 * S)))
    await centre.quiet()
    await centre.until(lambda: len(centre.broker.acks) > acks)

    assert centre.state() is state
    assert centre.state().count == 8
    assert len(centre.stored_numbers()) == 8


async def test_the_same_numbers_of_another_epoch_are_other_samples(centre: Centre) -> None:
    await centre.start()
    centre.send(batch(run(1, 3)))
    centre.send(batch(run(1, 3, until_us=START + MINUTE), epoch="epoch-2"))
    await centre.quiet()

    assert centre.state().count == 6
    assert len(centre.stored_numbers()) == 6


@pytest.mark.parametrize("error", [DOWN, REFUSED])
async def test_with_the_store_down_readings_are_evaluated_and_nothing_is_called_stored(
    centre: Centre, error: Retryable | Permanent
) -> None:
    await centre.start()
    centre.memory.error = error

    def masses() -> list[float]:
        return [status.mass_kg for status in centre.broker.statuses if status.mass_kg is not None]

    centre.send(batch(run(1, 5)))
    await centre.until(lambda: bool(masses()) and centre.state().count == 5)
    await centre.until(lambda: list(centre.broker.seen[EPOCH]) == [(1, 5)])
    await centre.until(lambda: centre.ingest._writer.problem != "")
    assert list(centre.broker.stored[EPOCH]) == []
    assert centre.state().balance.smoothed_kg == pytest.approx(8997, abs=3)
    assert masses()[-1] == centre.state().balance.smoothed_kg

    centre.memory.error = None
    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 5)])
    assert centre.ingest._writer.problem == ""


async def test_what_the_buffer_cannot_hold_is_let_go_and_taken_again(centre_of_ten: Centre) -> None:
    """Evaluation goes on; what was let go comes again and ends where it would have been."""
    centre = centre_of_ten
    await centre.start()
    centre.memory.error = DOWN
    samples = run(1, 20)
    for start in range(0, 20, 4):
        centre.send(batch(samples[start : start + 4]))
    await centre.taken()
    await centre.until(lambda: centre.state().count == 20)
    held = centre.ingest.shard().book.totals()[2]
    assert 0 < held <= 5
    await centre.until(lambda: list(centre.broker.seen[EPOCH]) == [(1, 20)])

    centre.memory.error = None
    while centre.broker.stored[EPOCH].missing(1, 20):
        for start in range(0, 20, 4):
            centre.send(batch(samples[start : start + 4]))
            await centre.taken()
            await centre.until(lambda: centre.ingest._writer.waiting_points == 0)
        await centre.until(lambda: not centre.ingest._acks._due)
    await centre.clean()

    expected = one_pass(samples)
    assert centre.state() == expected.state
    assert centre.stored_numbers() == [(EPOCH, seq) for seq in range(1, 21)]
    derived = {row.t_us: dict(row.fields) for row in centre.memory.of("derived", subject="tank:a-1")}
    assert derived == expected.derived
    assert all(not row.late for row in await centre.statuses())


async def test_samples_out_of_order_within_the_window_rewrite_what_follows_them(centre: Centre) -> None:
    await centre.start()
    samples = run(1, 9, every_us=MINUTE)

    for part in (samples[6:9], samples[0:3], samples[3:6]):
        centre.send(batch(part))
        await centre.quiet()

    expected = one_pass(samples)
    derived = {row.t_us: dict(row.fields) for row in centre.memory.of("derived", subject="tank:a-1")}
    assert centre.state() == expected.state
    assert derived == expected.derived


async def test_two_tanks_of_a_gateway_share_its_count_and_nothing_else(centre: Centre) -> None:
    await centre.start()
    samples = [
        sample(START - (10 - n) * S, good(9000.0 if n % 2 else 5000.0), seq=n, subject=f"tank:a-{2 - n % 2}")
        for n in range(1, 11)
    ]

    centre.send(batch(samples))
    await centre.quiet()

    assert centre.state("tank:a-1").balance.smoothed_kg == pytest.approx(9000)
    assert centre.state("tank:a-2").balance.smoothed_kg == pytest.approx(5000)
    assert list(centre.ingest.shard().book.of("gw-a", EPOCH).seen) == [(1, 10)]


async def test_a_hole_is_asked_for_when_it_stays_open(centre: Centre) -> None:
    await centre.start()
    samples = run(1, 20)
    centre.send(batch(samples[:5]))
    centre.send(batch(samples[12:]))
    await centre.quiet()
    keeper = centre.ingest._keeper

    await keeper.ask_for_holes()
    assert not centre.broker.requested
    centre.now_us += MINUTE
    await keeper.ask_for_holes()
    assert list(centre.broker.requested[EPOCH]) == [(6, 12)]

    centre.broker.requested.clear()
    centre.send(batch(samples[5:12]))
    await centre.quiet()
    centre.now_us += HOUR
    await keeper.ask_for_holes()
    assert not centre.broker.requested


async def test_an_acknowledgement_in_many_pieces_leaves_no_range_out(centre: Centre) -> None:
    """A range that is never acknowledged would be sent again for ever."""
    await centre.start()
    ledger = centre.ingest.shard().book.of("gw-a", EPOCH)
    for seq in range(1, 9001, 2):
        ledger.confirm(seq, seq)

    centre.send(batch([sample(START, good(9000.0), seq=9001)]))
    await centre.quiet()
    await centre.until(lambda: 9001 in centre.broker.stored[EPOCH])

    assert list(centre.broker.stored[EPOCH]) == [(seq, seq) for seq in range(1, 9002, 2)]
    assert all(len(ack.stored) <= 2000 for ack in centre.broker.acks)


async def test_while_the_broker_is_away_nothing_is_lost_and_the_next_message_is_answered(
    centre: Centre,
) -> None:
    await centre.start()
    centre.broker.up = False
    centre.send(batch(run(1, 3)))
    await centre.quiet()
    await centre.until(lambda: not centre.ingest._acks._due)

    centre.broker.up = True
    centre.send(batch(run(1, 3)))
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 3)])


async def test_stored_is_never_said_of_what_does_not_stand_in_the_store(centre: Centre) -> None:
    """The store takes its time and fails in between; every acknowledgement is held against what it holds."""
    await centre.start()
    lies: list[tuple[int, int]] = []
    publish = centre.broker.publish

    async def watched(topic: str, payload: bytes) -> None:
        await publish(topic, payload)
        in_store = RangeSet((seq, seq) for _, seq in centre.stored_numbers())
        for first, last in centre.broker.stored[EPOCH]:
            lies.extend(in_store.missing(first, last))

    centre.broker.publish = watched  # type: ignore[method-assign]
    for index in range(30):
        centre.memory.error = DOWN if index % 3 == 1 else None
        if index % 5:
            centre.memory.gate.set()
        else:
            centre.memory.gate.clear()
        centre.now_us = START + index * MINUTE
        centre.send(batch(run(4 * index + 1, 4 * index + 4, until_us=centre.now_us)))
        await centre.taken()
    centre.memory.error = None
    centre.memory.gate.set()
    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 120)])

    assert lies == []


async def test_a_point_that_confirms_nothing_is_refused_without_harm(centre: Centre) -> None:
    await centre.start()

    def refuses(point: Point) -> bool:
        return point.measurement == "derived"

    centre.memory.refuses = refuses
    samples = run(1, 9, every_us=MINUTE)
    for part in (samples[6:9], samples[0:3]):
        centre.send(batch(part))
        await centre.taken()
    await centre.until(lambda: centre.broker.stored[EPOCH].count() == 6)

    assert {letter.reason for letter in await centre.letters()} == {"store_refused"}
