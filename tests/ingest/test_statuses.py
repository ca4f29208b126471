"""A status row when something changes and in time for every tank, also a silent one; history wakes nobody."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.status import condensed
from oxygen.errors import Retryable
from oxygen.reading import Quality, Reason
from oxygen.wire.payloads import Status
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import batch
from tests.ingest.test_recovery import LATE, LIVE, begin, deliver
from tests.oxygen.readings import HOUR, MINUTE, S, broken, good, sample

SUBJECT = "tank:a-1"


async def rows(centre: Centre, *, late: bool = False) -> list[Status]:
    return [
        row.status for row in await centre.statuses() if row.late is late and row.status.subject == SUBJECT
    ]


async def tick(centre: Centre) -> None:
    """Do what ingest does every few seconds, once."""
    desk = centre.ingest._statuses
    for subject in centre.ingest.shard().view.tanks:
        if desk._is_overdue(desk._last.get(subject), centre.now_us):
            desk._look(subject)
    await centre.quiet()


async def send(centre: Centre, seq: int, mass_kg: float | None = 9000.0) -> None:
    signals = broken() if mass_kg is None else good(mass_kg)
    centre.send(batch([sample(centre.now_us - S, signals, seq=seq)]))
    await centre.quiet()


async def test_a_tank_that_was_never_read_says_so(centre: Centre) -> None:
    await begin(centre)
    await centre.quiet()

    (status,) = await rows(centre)
    assert (status.state, status.quality, status.reason) == ("never_read", Quality.BAD, Reason.NEVER_READ)
    assert (status.band, status.mass_kg, status.as_of_us) == ("unknown", None, None)


async def test_the_first_reading_is_a_row_and_a_wake_up_and_the_same_again_is_none(centre: Centre) -> None:
    await begin(centre)
    await send(centre, 1)
    await send(centre, 2)

    statuses = await rows(centre)
    assert [(status.state, status.source) for status in statuses] == [("never_read", "aged"), ("ok", "live")]
    assert statuses[-1].as_of_us == START - S
    await centre.until(lambda: SUBJECT in {status.subject for status in centre.broker.statuses})
    assert [status for status in centre.broker.statuses if status.subject == SUBJECT] == statuses


async def test_a_broken_wire_keeps_the_last_contents_and_is_never_an_empty_tank(centre: Centre) -> None:
    await begin(centre)
    await send(centre, 1)
    before = (await rows(centre))[-1]
    centre.now_us += 30 * S
    await send(centre, 2, None)

    after = (await rows(centre))[-1]
    assert (after.state, after.quality, after.reason) == ("fault", Quality.BAD, Reason.WIRE_BREAK)
    assert (after.mass_kg, after.fill_percent, after.band) == (
        before.mass_kg,
        before.fill_percent,
        before.band,
    )
    assert after.as_of_us == before.as_of_us


async def test_a_silent_tank_has_a_row_every_minute_whose_reading_grows_old(centre: Centre) -> None:
    await begin(centre)
    await send(centre, 1)
    begun = centre.now_us
    for _ in range(600):
        centre.now_us += 6 * S  # a tenth of the longest pause: how often ingest looks
        await tick(centre)

    statuses = await rows(centre)
    moments = [status.evaluated_us for status in statuses if status.evaluated_us >= begun]
    assert moments[-1] > begun + HOUR - MINUTE
    assert max(later - earlier for earlier, later in pairwise(moments)) <= MINUTE
    assert {status.as_of_us for status in statuses[1:]} == {START - S}
    assert {status.mass_kg for status in statuses[1:]} == {statuses[1].mass_kg}
    assert (statuses[-1].source, statuses[-1].state) == ("aged", "stale")
    assert statuses[-1].reason is Reason.STALE
    sources = [status.source for status in statuses[1:]]
    assert sources == sorted(sources, reverse=True)  # live first, then aged, and never back


async def test_a_server_whose_clock_is_set_back_goes_on_writing(centre: Centre) -> None:
    await begin(centre)
    await send(centre, 1)
    count = len(await rows(centre))

    centre.now_us -= HOUR
    await tick(centre)

    assert len(await rows(centre)) == count + 1


async def test_late_readings_are_told_as_late_and_never_as_what_is(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, LIVE)
    await centre.clean()
    live = await rows(centre)

    await deliver(centre, [sample(each.t_us, broken(), seq=each.seq) for each in LATE])
    await centre.clean()

    late = await rows(centre, late=True)
    assert [status.state for status in late] == ["fault"]
    assert {status.source for status in late} == {"backfill"}
    assert late[0].evaluated_us == LATE[0].t_us
    assert [status.evaluated_us for status in await rows(centre)] == [status.evaluated_us for status in live]


async def test_each_run_of_history_begins_with_a_row(centre: Centre) -> None:
    """Whoever reads it must not take the end of the last run for the beginning of this one."""
    await begin(centre)
    await deliver(centre, LIVE)
    await centre.clean()
    for half in (LATE[:2], LATE[2:]):
        await deliver(centre, half)
        await centre.clean()

    late = await rows(centre, late=True)
    assert [status.evaluated_us for status in late] == [LATE[0].t_us, LATE[2].t_us]


async def test_statuses_wait_for_the_records_and_repetitions_are_left_out(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.status_desk.REPETITIONS_WAITING_AT_MOST", 20)
    await begin(centre)
    await send(centre, 1)
    with monkeypatch.context() as patch:

        def no_records(*_args: object, **_named: object) -> None:
            raise Retryable("down", code="records_down")

        patch.setattr("ingest.status_desk.status_records.append_statuses", no_records)
        desk = centre.ingest._statuses
        for _ in range(200):
            centre.now_us += MINUTE
            for subject in centre.ingest.shard().view.tanks:
                desk._look(subject)
        await centre.until(lambda: 0 < len(desk._pending) <= 20)

    await centre.quiet()
    statuses = await rows(centre)
    assert [status.state for status in statuses][:3] == ["never_read", "ok", "ok"]
    assert statuses[-1].evaluated_us == centre.now_us
    assert statuses[-1].state == "stale"


def test_condensing_keeps_every_change_and_the_last_row_of_each_tank() -> None:
    def status(subject: str, at_us: int, band: str) -> Status:
        return Status(1, subject, "bv-a", 0, at_us, "live", Quality.GOOD, Reason.OK, "ok", band)

    given = [
        status("tank:a", 1, "normal"),
        status("tank:b", 1, "normal"),
        status("tank:a", 2, "normal"),
        status("tank:a", 3, "reorder"),
        status("tank:b", 3, "normal"),
        status("tank:a", 4, "reorder"),
        status("tank:a", 5, "normal"),
        status("tank:a", 6, "normal"),
    ]

    kept = condensed(given)

    assert [(each.subject[-1], each.evaluated_us) for each in kept] == [
        ("a", 1),
        ("b", 1),
        ("a", 3),
        ("b", 3),
        ("a", 5),
        ("a", 6),
    ]
    assert condensed(kept) == kept
