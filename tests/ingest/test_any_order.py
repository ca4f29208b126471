"""State, derived rows and days are a function of the set of samples: order and kills change nothing.

The reference is one sorted pass over all samples with nothing but the pure engine.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.day_desk import tank_day
from ingest.points import derived_point
from oxygen import engine
from oxygen.engine import TankState
from oxygen.reading import Sample
from records.database import Database
from records.status import TankDay
from tests.ingest.centre import Centre
from tests.ingest.messages import EPOCH, batch
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, TANK, broken, good, sample

STEP = 6 * MINUTE
BEGIN = MIDNIGHT - 2 * HOUR
COUNT = 60
BATCH = 3


def world() -> list[Sample]:
    """Six hours over midnight of one tank, read every six minutes: a draw, a delivery, a broken wire."""
    samples = []
    mass = 6000.0
    for index in range(COUNT):
        if 15 <= index < 23:
            mass += 400.0
        signals = broken() if 40 <= index < 44 else good(round(mass, 3))
        samples.append(sample(BEGIN + index * STEP, signals, seq=index + 1))
        mass -= 9.0 + index % 4
    return samples


WORLD = world()
LAST = sample(BEGIN + COUNT * STEP, good(7000.0), seq=COUNT + 1)
"""Read at the very end: traffic goes on, so that the centre learns what it never saw."""


class Pass(NamedTuple):
    """What one sorted pass gives."""

    state: TankState
    derived: dict[int, dict[str, object]]


def one_pass(samples: Sequence[Sample], epoch: str = EPOCH) -> Pass:
    state = TankState()
    derived: dict[int, dict[str, object]] = {}
    for each in sorted(samples, key=lambda item: (item.t_us or 0, item.seq)):
        key = engine.order_key(each, epoch)
        found = engine.advance(state, each, key, TANK)
        derived[key[0]] = dict(derived_point(each.subject, "bv-a", found).fields)
    return Pass(state, derived)


EXPECTED = one_pass([*WORLD, LAST])
BATCHES = [WORLD[start : start + BATCH] for start in range(0, COUNT, BATCH)]

Step = tuple[str, int]


DEEDS = ("", "", "again", "stored", "replay", "shut", "open", "save", "kill", "save and kill", "settle")


@st.composite
def plans(draw: st.DrawFn) -> list[Step]:
    """All batches in some order, repeated at times, with whatever may happen in between."""
    order = list(range(len(BATCHES)))
    if draw(st.booleans()):
        order = draw(st.permutations(order))
    else:  # as a gateway would after an outage: live ones first, the backlog behind
        cut = draw(st.integers(0, len(BATCHES)))
        order = order[cut:] + order[:cut]
    steps: list[Step] = []
    for index in order:
        steps.append(("send", index))
        deed = draw(st.sampled_from(DEEDS))
        if deed:
            steps.append((deed, draw(st.integers(0, len(BATCHES) - 1))))
    return steps


async def carry_out(steps: Sequence[Step], centre: Centre) -> list[str]:
    """Do what the plan says; return what was acknowledged as stored without standing in the store."""
    await centre.register()
    await centre.start()
    lies: list[str] = []
    for deed, index in steps:
        await DOING[deed](centre, index)
        acknowledged = {
            (EPOCH, seq) for first, last in centre.broker.stored[EPOCH] for seq in range(first, last + 1)
        }
        lies += [f"{deed}: {lie} is not stored" for lie in acknowledged - set(centre.stored_numbers())]
    return lies


async def send(centre: Centre, index: int) -> None:
    centre.send(batch(BATCHES[index]))
    await centre.taken()


async def store_all(centre: Centre, _index: int) -> None:
    centre.memory.gate.set()
    await centre.quiet()


async def replay(centre: Centre, _index: int) -> None:
    centre.memory.gate.set()
    await centre.clean()


async def shut(centre: Centre, _index: int) -> None:
    centre.memory.gate.clear()


async def save(centre: Centre, _index: int) -> None:
    await centre.save()


async def kill(centre: Centre, _index: int) -> None:
    await centre.kill()
    await centre.start()


async def save_and_kill(centre: Centre, index: int) -> None:
    await centre.save()
    await kill(centre, index)


async def settle(centre: Centre, index: int) -> None:
    await replay(centre, index)
    await centre.save()


DOING = {
    "send": send,
    "again": send,
    "stored": store_all,
    "open": store_all,
    "replay": replay,
    "shut": shut,
    "save": save,
    "kill": kill,
    "save and kill": save_and_kill,
    "settle": settle,
}


async def bring_home(centre: Centre) -> None:
    """Do as a gateway does: repeat what is not acknowledged as stored, and what is asked for."""
    centre.memory.gate.set()
    centre.send(batch([LAST]))
    await centre.quiet()
    for _ in range(3):
        for each in (*BATCHES, [LAST]):
            if centre.broker.stored[EPOCH].missing(each[0].seq, each[-1].seq):
                centre.send(batch(each))
        await centre.quiet()
        for _ in range(2):
            await centre.ingest._keeper.ask_for_holes()
            centre.now_us += MINUTE
        for first, last in centre.broker.requested.pop(EPOCH, ()):
            centre.send(batch([*WORLD, LAST][first - 1 : last]))
        await centre.quiet()
    await centre.clean()


async def differences(centre: Centre) -> list[str]:
    found = []
    if centre.state() != EXPECTED.state:
        found.append(f"state {centre.state()} is not {EXPECTED.state}")
    if centre.stored_numbers() != [(EPOCH, seq) for seq in range(1, COUNT + 2)]:
        found.append(f"stored are {centre.stored_numbers()}")
    for row in centre.memory.of("derived", subject="tank:a-1"):
        wanted = EXPECTED.derived[row.t_us]
        if {name: row.fields.get(name) for name in wanted} != wanted:
            found.append(f"derived at {(row.t_us - BEGIN) / MINUTE} min")
    if len(centre.memory.of("derived", subject="tank:a-1")) != len(EXPECTED.derived):
        found.append("derived points are missing")
    await centre.write_days()
    expected = [plain(tank_day("tank:a-1", "bv-a", day, centre.now_us)) for day in EXPECTED.state.days]
    if [plain(day) for day in await centre.days()] != expected:
        found.append(f"days {await centre.days()} are not {expected}")
    return found


def plain(day: TankDay) -> dict[str, object]:
    """Return a day's figures without the count and time of its changes."""
    names = [name for name in TankDay.__struct_fields__ if name not in ("revision", "updated_us")]
    return {name: getattr(day, name) for name in names}


async def check(steps: Sequence[Step], records: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.sqlite"
        shutil.copy(records, path)
        database = Database(f"sqlite:///{path}")
        centre = Centre(database, now_us=BEGIN + COUNT * STEP + MINUTE, buffer_points=40)
        try:
            found = await carry_out(steps, centre)
            await bring_home(centre)
            found += await differences(centre)
            await centre.kill()
            await centre.start()
            await bring_home(centre)
            return found + [f"after another start: {item}" for item in await differences(centre)]
        finally:
            await centre.kill()
            await database.close()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=plans())
def test_any_order_and_any_kill_end_in_the_rows_of_one_sorted_pass(
    steps: list[Step], empty_records: Path
) -> None:
    assert asyncio.run(check(steps, empty_records)) == []


def test_the_world_of_these_tests_has_a_delivery_over_midnight_and_a_fault() -> None:
    before, after = EXPECTED.state.days

    assert [len(day.refills) for day in (before, after)] != [0, 0]
    assert after.samples - after.covered_minutes == 4
    assert DAY > COUNT * STEP > 5 * HOUR
