"""Tanks come, change and go in the registry while their samples are on the way."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from records import registry as registry_records
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import REGISTRY, batch, tank
from tests.ingest.test_any_order import one_pass
from tests.ingest.test_recovery import ALL, LATE, LIVE, SUBJECT, begin, deliver
from tests.oxygen.readings import MINUTE, good, sample


async def follow(centre: Centre) -> None:
    """Do what ingest does every few seconds."""
    view = await centre.ingest._newer_view()
    assert view is not None
    centre.ingest.shard().replace_view(view)


async def put(centre: Centre, **changes: Any) -> None:
    async with centre.database.write() as tx:
        await registry_records.put_tank(tx, replace(tank("a-1"), **changes), actor="test", now_us=START)


async def test_a_tank_that_becomes_impossible_goes_on_as_it_was(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, ALL[:50])
    await put(centre, geometry={"orientation": "sideways"})
    await follow(centre)

    await deliver(centre, ALL[50:])
    await centre.clean()

    assert centre.state() == one_pass(ALL).state
    assert await centre.letters() == []


async def test_readings_of_an_impossible_tank_are_kept_and_weighed_when_it_is_corrected(
    centre: Centre,
) -> None:
    await put(centre, geometry={"orientation": "sideways"})
    await begin(centre)
    await deliver(centre, ALL)
    assert SUBJECT not in centre.ingest.shard().engines
    assert len(centre.stored_numbers()) == 100
    assert await centre.letters() == []

    await put(centre)
    await follow(centre)
    centre.send(batch([sample(START, good(8000.0), seq=101)]))
    await centre.quiet()
    await centre.clean()

    assert centre.state() == one_pass([*ALL, sample(START, good(8000.0), seq=101)]).state


async def test_a_tank_that_moves_to_another_shard_ends_nothing_here(centre: Centre) -> None:
    await begin(centre)
    await deliver(centre, LIVE)
    await deliver(centre, LATE[:2])
    centre.memory.gate.clear()
    await put(centre, gateway=None)
    async with centre.database.write() as tx:
        elsewhere = replace(REGISTRY.facilities[0], shard="hn")
        await registry_records.put_facility(tx, elsewhere, actor="test", now_us=START)
    await follow(centre)
    centre.memory.gate.set()
    await centre.write_days()
    await centre.clean()

    centre.send(batch([sample(START, good(8000.0), seq=101)]))
    await centre.taken()
    await centre.until(lambda: centre.ingest._letters.written == 1)
    assert [letter.reason for letter in await centre.letters()] == ["unknown_gateway"]


async def test_a_corrected_tank_is_weighed_by_the_new_data_from_then_on(centre: Centre) -> None:
    await begin(centre)
    centre.send(batch([sample(START - MINUTE, good(9000.0))]))
    await centre.quiet()
    await put(centre, heel_fraction=0.2)
    await follow(centre)
    centre.send(batch([sample(START, good(9000.0), seq=2)]))
    await centre.quiet()

    before, after = [row.fields["fill_percent"] for row in centre.memory.of("derived")]
    assert float(after) < float(before) - 5
