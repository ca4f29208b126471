"""Daily rows: for every day that has a reading, also of a tank that fell silent in it."""

from __future__ import annotations

import pytest

from oxygen.errors import Retryable
from oxygen.reading import Sample
from records.status import TankDay
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import batch
from tests.ingest.test_recovery import begin
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, good, sample


def minutes_of(begin_us: int, end_us: int, mass_kg: float = 9000.0, first_seq: int = 1) -> list[Sample]:
    """A reading a minute, 24 kg an hour less each time."""
    return [
        sample(t_us, good(mass_kg - 24.0 * index / 60), seq=first_seq + index)
        for index, t_us in enumerate(range(begin_us, end_us, MINUTE))
    ]


async def row(centre: Centre, day: str = "2025-11-21") -> TankDay:
    await centre.write_days()
    (found,) = [item for item in await centre.days() if item.local_date == day]
    return found


async def test_the_open_day_has_its_figures_so_far(centre: Centre) -> None:
    await begin(centre)
    centre.send(batch(minutes_of(MIDNIGHT, START)))
    await centre.quiet()

    day = await row(centre)

    assert day.coverage == 1.0
    assert (day.expected_samples, day.good_samples) == (480, 480)
    assert day.opening_kg == pytest.approx(9000)
    assert day.consumed_kg == pytest.approx(8 * 24.0, abs=1.5)
    assert (day.refilled_kg, day.refills) == (0.0, ())
    assert (day.from_us, day.to_us) == (MIDNIGHT, START - MINUTE)


async def test_the_coverage_of_a_tank_that_fell_silent_falls_until_the_day_is_over(centre: Centre) -> None:
    await begin(centre)
    centre.send(batch(minutes_of(MIDNIGHT, START)))
    await centre.quiet()
    await row(centre)

    centre.now_us = MIDNIGHT + 16 * HOUR
    half = await row(centre)
    centre.now_us = MIDNIGHT + DAY + 5 * HOUR
    over = await row(centre)
    revision = over.revision
    centre.now_us += DAY
    later = await row(centre)

    assert half.coverage == pytest.approx(0.5)
    assert over.coverage == pytest.approx(480 / 1440)
    assert over.expected_samples == 1440
    assert later.revision == revision
    assert [item.local_date for item in await centre.days()] == ["2025-11-21"]


async def test_days_are_written_after_a_start_without_any_new_reading(centre: Centre) -> None:
    """The last process may have been killed before it wrote them."""
    await begin(centre)
    centre.send(batch(minutes_of(MIDNIGHT, START)))
    await centre.quiet()
    await centre.save()
    await centre.kill()
    assert await centre.days() == []

    await begin(centre)
    assert (await row(centre)).good_samples == 480


async def test_an_unchanged_day_keeps_its_revision(centre: Centre) -> None:
    await begin(centre)
    centre.send(batch(minutes_of(MIDNIGHT - HOUR, START)))
    await centre.quiet()
    first = await row(centre, "2025-11-20")
    await row(centre, "2025-11-20")

    assert (await row(centre, "2025-11-20")).revision == first.revision == 1


async def test_while_a_delivery_comes_in_the_days_consumption_is_not_known(centre: Centre) -> None:
    await begin(centre)
    quiet = minutes_of(MIDNIGHT, MIDNIGHT + 7 * HOUR)
    rising = [
        sample(MIDNIGHT + 7 * HOUR + n * MINUTE, good(8832.0 + 150.0 * n), seq=421 + n) for n in range(30)
    ]
    centre.send(batch([*quiet, *rising]))
    await centre.quiet()
    during = await row(centre)

    centre.now_us += 2 * HOUR
    centre.send(batch(minutes_of(MIDNIGHT + 7 * HOUR + 30 * MINUTE, START + HOUR, 13_180.0, 451)))
    await centre.quiet()
    after = await row(centre)

    assert (during.consumed_kg, during.refills) == (None, ())
    assert during.closing_kg is not None
    assert after.refilled_kg == pytest.approx(4350, rel=0.02)
    assert after.consumed_kg == pytest.approx(9 * 24.0, abs=25)


async def test_days_that_cannot_be_written_are_written_later(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(centre)
    centre.send(batch(minutes_of(MIDNIGHT, START)))
    await centre.quiet()
    with monkeypatch.context() as patch:

        def no_records(*_args: object, **_named: object) -> None:
            raise Retryable("down", code="records_down")

        patch.setattr("ingest.day_desk.status_records.put_tank_days", no_records)
        with pytest.raises(Retryable):
            await centre.write_days()

    await centre.ingest._days.write()
    assert [item.local_date for item in await centre.days()] == ["2025-11-21"]
