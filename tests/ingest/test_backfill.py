"""History out of files: taken like live data, told to nobody as news, and whole whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from ingest import backfill
from oxygen.errors import Retryable
from oxygen.reading import Sample
from oxygen.wire.payloads import Samples
from oxygen.wire.topics import GatewayAddress
from records import work as work_records
from records.work import Work
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import ADDRESS, SHARD, batch
from tests.ingest.test_any_order import one_pass
from tests.ingest.test_recovery import begin
from tests.oxygen.readings import DAY, HOUR, MIDNIGHT, MINUTE, S, good, sample

EPOCH = "history-1"


def past(days: float = 2.0, every_us: int = 10 * MINUTE) -> list[Sample]:
    count = int(days * DAY / every_us)
    return [
        sample(MIDNIGHT - DAY * 2 + n * every_us, good(12_000.0 - n), seq=n + 1, boot="history")
        for n in range(count)
    ]


def line(message: Samples, address: GatewayAddress = ADDRESS) -> bytes:
    body = {
        "shard": address.shard,
        "facility": address.facility,
        "gateway": address.gateway,
        "message": message,
    }
    return msgspec.json.encode(body) + b"\n"


def write(path: Path, samples: Sequence[Sample], rows: int = 40) -> Path:
    parts = [samples[start : start + rows] for start in range(0, len(samples), rows)]
    path.write_bytes(b"".join(line(batch(part, epoch=EPOCH)) for part in parts))
    return path


async def request(centre: Centre, path: Path) -> int:
    async with centre.database.write() as tx:
        return await work_records.request_work(
            tx, backfill.KIND, SHARD, {"path": str(path)}, actor="test", now_us=centre.now_us
        )


async def work(centre: Centre, number: int) -> Work:
    async with centre.database.read() as tx:
        found = await work_records.work_item(tx, number)
    assert found is not None
    return found


async def ended(centre: Centre, number: int) -> Work:
    """Wait for the work's end; the clock runs on meanwhile."""
    found = await work(centre, number)
    for _ in range(4000):
        if found.state in ("done", "failed"):
            return found
        await centre.quiet()
        centre.now_us += S
        found = await work(centre, number)
    raise AssertionError(f"work is {found}")


async def test_a_file_becomes_points_state_and_days_and_wakes_nobody(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    samples = past()
    done = await ended(centre, await request(centre, write(tmp_path / "h.jsonl", samples)))

    assert (done.state, done.progress, done.result) == ("done", 1.0, {"samples": len(samples)})
    assert centre.stored_numbers() == [(EPOCH, each.seq) for each in samples]
    expected = one_pass(samples, EPOCH)
    assert centre.state() == expected.state
    await centre.write_days()
    days = [(day.local_date, day.good_samples) for day in await centre.days()]
    assert days == [("2025-11-19", 144), ("2025-11-20", 144)]
    assert all(row.late for row in await centre.statuses() if row.status.mass_kg is not None and row.late)
    assert EPOCH not in centre.broker.stored


async def test_reading_a_file_twice_changes_nothing(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    path = write(tmp_path / "h.jsonl", past())
    await ended(centre, await request(centre, path))
    state = centre.state()

    again = await ended(centre, await request(centre, path))

    assert (again.state, again.result) == ("done", {"samples": 0})
    assert centre.state() == state


async def test_history_before_live_readings_is_worked_in_beneath_them(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    live = [sample(START - HOUR + n * 5 * MINUTE, good(9000.0 - n), seq=n + 1) for n in range(12)]
    centre.send(batch(live))
    await centre.quiet()

    done = await ended(centre, await request(centre, write(tmp_path / "h.jsonl", past())))

    assert done.state == "done"
    assert centre.state().count == len(past()) + len(live)
    assert centre.state().balance.at_us == live[-1].t_us
    assert not any(row.late is False and row.status.source == "backfill" for row in await centre.statuses())


async def test_a_file_is_whole_though_the_buffer_is_small(centre_of_ten: Centre, tmp_path: Path) -> None:
    """Nobody sends a file again: what is let go has to be offered again from here."""
    centre = centre_of_ten
    await begin(centre)
    samples = past(days=0.5)

    done = await ended(centre, await request(centre, write(tmp_path / "h.jsonl", samples)))

    assert done.state == "done"
    assert centre.stored_numbers() == [(EPOCH, each.seq) for each in samples]
    assert centre.state().count == len(samples)


async def test_work_of_a_killed_process_is_taken_over_and_ends_the_same(
    centre: Centre, tmp_path: Path
) -> None:
    await begin(centre)
    samples = past()
    number = await request(centre, write(tmp_path / "h.jsonl", samples, rows=10))
    await centre.until(lambda: len(centre.memory.of("raw")) > 100)
    await centre.kill()
    assert (await work(centre, number)).state == "running"

    await centre.start()
    centre.now_us += 2 * MINUTE
    done = await ended(centre, number)

    assert done.state == "done"
    assert centre.stored_numbers() == [(EPOCH, each.seq) for each in samples]
    await centre.clean()
    assert centre.state() == one_pass(samples, EPOCH).state


async def test_the_store_may_be_down_for_a_while(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    centre.memory.error = Retryable("no answer", code="telemetry_unreachable")
    samples = past(days=0.5)
    number = await request(centre, write(tmp_path / "h.jsonl", samples))
    ledger = centre.ingest.shard().book.of("gw-a", EPOCH)
    await centre.until(lambda: ledger.seen.count() == len(samples) and centre.ingest._writer.problem != "")
    assert (await work(centre, number)).state == "running"

    centre.memory.error = None
    assert (await ended(centre, number)).state == "done"
    assert len(centre.stored_numbers()) == len(samples)


NESTED = b'{"shard":' + b"[" * 20_000 + b"]" * 20_000 + b"}\n"


@pytest.mark.parametrize(
    "poison",
    [b"nonsense\n", b"{}\n", b"\xff\xfe\n", NESTED, line(batch(past(0.1), epoch=EPOCH))[:-200] + b"\n"],
)
async def test_a_bad_line_fails_the_work_with_file_and_line_and_keeps_what_came_before(
    centre: Centre, tmp_path: Path, poison: bytes
) -> None:
    await begin(centre)
    path = tmp_path / "h.jsonl"
    good_part = past(days=0.25)
    write(path, good_part)
    lines = path.read_bytes().count(b"\n")
    path.write_bytes(path.read_bytes() + poison)

    failed = await ended(centre, await request(centre, path))
    await centre.clean()

    assert failed.state == "failed"
    assert f"h.jsonl:{lines + 1}" in failed.note
    assert len(centre.stored_numbers()) == len(good_part)
    assert centre.state().count == len(good_part)
    assert not centre.ingest.shard().backfilling


async def test_columns_that_do_not_fit_fail_with_their_line(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    message = batch(past(0.1), epoch=EPOCH)
    assert message.samples is not None
    message.samples.boot.pop()
    path = tmp_path / "h.jsonl"
    path.write_bytes(line(message))

    failed = await ended(centre, await request(centre, path))

    assert (failed.state, "h.jsonl:1" in failed.note) == ("failed", True)


@pytest.mark.parametrize("path", ["", "/nowhere/at/all.jsonl", "/tmp"])
async def test_a_file_that_is_none_fails_the_work_and_nothing_else(centre: Centre, path: str) -> None:
    await begin(centre)

    assert (await ended(centre, await request(centre, Path(path)))).state == "failed"


async def test_a_gateway_that_is_not_registered_fails_the_work(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that went nowhere must not be called done."""
    monkeypatch.setattr(backfill, "REGISTRY_PATIENCE_S", 0.3)
    await begin(centre)
    path = tmp_path / "h.jsonl"
    path.write_bytes(line(batch(past(0.1), epoch=EPOCH), GatewayAddress("hcm", "bv-a", "gw-unknown")))

    failed = await ended(centre, await request(centre, path))

    assert (failed.state, "gw-unknown" in failed.note) == ("failed", True)


async def test_history_from_the_future_is_set_aside(centre: Centre, tmp_path: Path) -> None:
    await begin(centre)
    samples = [sample(START + DAY + n * MINUTE, good(9000.0), seq=n + 1) for n in range(5)]

    done = await ended(centre, await request(centre, write(tmp_path / "h.jsonl", samples)))

    assert done.state == "done"
    assert [letter.reason for letter in await centre.letters()] == ["future"] * 5
    assert centre.state().count == 0
