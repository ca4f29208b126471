"""What cannot be taken is written down with its reason; everything else in the message is taken."""

from __future__ import annotations

import math
from string import Formatter
from typing import Any

import msgspec
import pytest

from ingest.validation import Bounds, Context, judge
from oxygen.errors import Rejected, Retryable
from oxygen.messages import LOCALES, catalogue, text
from oxygen.reading import Quality, Reason, Sample, Signal
from oxygen.wire.topics import GatewayAddress
from records import registry as registry_records
from records.registry import Facility, Gateway, Registry
from telemetry.contract import Point
from tests.ingest.centre import Centre
from tests.ingest.conftest import START
from tests.ingest.messages import ADDRESS, EPOCH, REGISTRY, batch, gap, tank
from tests.oxygen.readings import DAY, MINUTE, S, good, sample

LATER = Registry(
    version=0,
    facilities=(*REGISTRY.facilities, Facility("bv-b", "Bệnh viện B", "Hospital B", "hcm")),
    gateways=(*REGISTRY.gateways, Gateway("gw-b", "bv-b")),
    tanks=(*REGISTRY.tanks, tank("b-1", gateway=None)),
)

BAD: dict[str, dict[str, Any]] = {
    "unknown_subject": {"subject": "tank:nobody"},
    "other_gateway": {"subject": "tank:a-2"},
    "order_only": {"t_us": None, "boot": "boot-0"},
    "future": {"t_us": START + 6 * MINUTE},
    "too_old": {"t_us": START - 401 * DAY},
    "unknown_signal": {"signals": {"temperature_k": Signal(90.0)}},
}


def three(middle: dict[str, Any]) -> list[Sample]:
    """Return three samples, the one in the middle changed."""
    samples = [sample(START - (3 - n) * S, good(9000.0), seq=n) for n in (1, 2, 3)]
    samples[1] = msgspec.structs.replace(samples[1], **middle)
    return samples


@pytest.mark.parametrize("reason", BAD)
async def test_a_row_that_is_refused_is_a_letter_and_its_neighbours_are_stored(
    centre: Centre, reason: str
) -> None:
    if reason == "other_gateway":
        async with centre.database.write() as tx:
            await registry_records.put_tank(tx, tank("a-2", gateway=None), actor="test", now_us=START)
            await registry_records.put_gateway(tx, Gateway("gw-x", "bv-a"), actor="test", now_us=START)
            await registry_records.put_tank(tx, tank("a-2", gateway="gw-x"), actor="test", now_us=START)
    await centre.start()

    centre.send(batch(three(BAD[reason])))
    await centre.quiet()

    (letter,) = await centre.letters()
    assert (letter.gateway, letter.epoch, letter.first_seq, letter.last_seq) == ("gw-a", EPOCH, 2, 2)
    assert letter.reason == reason
    assert centre.stored_numbers() == [(EPOCH, 1), (EPOCH, 3)]
    assert centre.state().count == 2
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 3)])
    for locale in LOCALES:
        assert "{" not in text(f"dead_letter.{reason}", locale, **letter.params)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("place", ["value", "raw"])
def test_a_number_that_is_none_is_refused_though_json_cannot_even_spell_it(value: float, place: str) -> None:
    signal = msgspec.structs.replace(Signal(1.0), **{place: value})
    message = batch(three({"signals": {"dp_pa": signal}}))
    bounds = Bounds.of(future_tolerance_s=300.0, oldest_days=400.0)

    verdict = judge(message, Context(ADDRESS, {"tank:a-1": "gw-a"}, START, bounds, history=False))

    assert [(letter.first, letter.reason) for letter in verdict.letters] == [(2, "not_finite")]
    assert [arrival.sample.seq for arrival in verdict.accepted] == [1, 3]


async def test_a_row_that_cannot_be_read_is_a_letter(centre: Centre) -> None:
    await centre.start()
    message = batch(three({}))
    assert message.samples is not None
    message.samples.signals["dp_pa"].reason[1] = "moonlight"

    centre.send(message)
    await centre.quiet()

    (letter,) = await centre.letters()
    assert (letter.reason, letter.first_seq) == ("bad_row", 2)
    assert "moonlight" in letter.params["detail"]
    assert centre.stored_numbers() == [(EPOCH, 1), (EPOCH, 3)]


async def test_a_refused_row_that_comes_again_is_written_down_once(centre: Centre) -> None:
    await centre.start()
    for _ in range(3):
        centre.send(batch(three(BAD["future"])))
        await centre.quiet()

    assert len(await centre.letters()) == 1
    assert centre.state().count == 2


async def test_a_message_of_nonsense_is_written_down_once_a_minute_and_stops_nothing(centre: Centre) -> None:
    await centre.start()
    for payload in (b"nonsense", b'{"v":1,"x":' + b"[" * 9000 + b"]" * 9000 + b"}", b"\xff" * 300_000):
        for _ in range(5):
            centre.send_bytes(payload)
        await centre.quiet()
        centre.now_us += 2 * MINUTE
    centre.send_bytes(b"{}", GatewayAddress("hcm", "BV A", "gw-a"))
    centre.send(batch(three({})))
    await centre.quiet()

    letters = await centre.letters()
    reasons = [letter.reason for letter in letters]
    assert reasons == ["bad_payload", "bad_payload", "payload_too_large", "bad_topic"]
    assert {letter.gateway for letter in letters} == {"gw-a"}
    assert len(centre.stored_numbers()) == 3


async def test_columns_that_do_not_fit_are_refused_whole(centre: Centre) -> None:
    await centre.start()
    message = batch(three({}))
    assert message.samples is not None
    message.samples.boot.pop()

    centre.send(message)
    await centre.quiet()

    assert [letter.reason for letter in await centre.letters()] == ["bad_payload"]
    assert centre.stored_numbers() == []
    assert list(centre.broker.seen[EPOCH]) == []


async def test_a_gap_is_written_down_and_acknowledged_like_data(centre: Centre) -> None:
    await centre.start()
    centre.send(gap(1, 400))
    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 400)])

    (declared,) = await centre.gaps()
    assert (declared.first_seq, declared.last_seq, declared.count) == (1, 400, 400)
    assert declared.reason == "thinned"


async def test_a_gap_over_stored_rows_declares_only_what_is_missing(centre: Centre) -> None:
    await centre.start()
    centre.send(batch(three({})))
    await centre.quiet()
    centre.send(gap(1, 10))
    centre.send(gap(2, 3))
    await centre.quiet()

    assert [(item.first_seq, item.last_seq, item.count) for item in await centre.gaps()] == [(4, 10, 7)]
    assert len(centre.stored_numbers()) == 3
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 10)])


async def test_a_gap_over_rows_on_their_way_leaves_them_to_the_store(centre: Centre) -> None:
    await centre.start()
    centre.memory.gate.clear()
    centre.send(batch(three({})))
    centre.send(gap(1, 5))
    await centre.taken()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(4, 5)])
    centre.memory.gate.set()
    await centre.quiet()

    assert [(item.first_seq, item.last_seq) for item in await centre.gaps()] == [(4, 5)]
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 5)])


async def test_a_gap_that_runs_backwards_is_refused_and_ends_nothing(centre: Centre) -> None:
    await centre.start()
    centre.send(gap(9, 3))
    centre.send(batch(three({})))
    await centre.quiet()

    assert [letter.reason for letter in await centre.letters()] == ["bad_payload"]
    assert await centre.gaps() == []
    assert len(centre.stored_numbers()) == 3


async def test_a_gateway_that_is_not_registered_keeps_its_readings_until_it_is(centre: Centre) -> None:
    await centre.start()
    stranger = GatewayAddress("hcm", "bv-b", "gw-b")
    rows = [sample(START - S, good(9000.0), subject="tank:b-1")]
    for _ in range(3):
        centre.send(batch(rows), stranger)
    await centre.quiet()
    (letter,) = await centre.letters()
    assert (letter.reason, letter.gateway, letter.epoch) == ("unknown_gateway", "gw-b", None)
    assert EPOCH not in centre.broker.seen

    await centre.register(LATER)
    await centre.kill()
    await centre.start()
    centre.send(batch(rows), stranger)
    await centre.quiet()

    assert list(centre.broker.seen[EPOCH]) == [(1, 1)]


async def test_a_gateway_under_another_hospitals_topic_is_a_stranger(centre: Centre) -> None:
    await centre.register(LATER)
    await centre.start()

    centre.send(batch(three({})), GatewayAddress("hcm", "bv-b", "gw-a"))
    await centre.quiet()

    assert [letter.reason for letter in await centre.letters()] == ["unknown_gateway"]
    assert centre.stored_numbers() == []


@pytest.mark.parametrize("named", [True, False])
async def test_the_store_refuses_a_row_and_only_that_row_is_a_letter(centre: Centre, *, named: bool) -> None:
    """InfluxDB may or may not say which; the engine forgets a sample that nobody will ever hold."""
    await centre.start()
    bad_us = START - S

    def refuses(point: Point) -> bool:
        return point.measurement == "raw" and point.t_us == bad_us

    centre.memory.refuses = refuses
    centre.memory.names_refused = named
    centre.send(batch(three({})))
    await centre.quiet()
    await centre.clean()

    (letter,) = await centre.letters()
    assert (letter.reason, letter.first_seq) == ("store_refused", 2)
    assert centre.stored_numbers() == [(EPOCH, 1), (EPOCH, 3)]
    assert list(centre.broker.stored[EPOCH]) == [(1, 3)]
    assert centre.state().count == 2


async def test_letters_wait_while_the_records_are_down_and_nothing_is_acknowledged_before(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    await centre.start()
    down = Retryable("down", code="records_down")
    with monkeypatch.context() as patch:

        def no_records(*_args: object, **_named: object) -> None:
            raise down

        patch.setattr("ingest.letter_desk.status_records.add_dead_letters", no_records)
        centre.send(batch(three(BAD["future"])))
        await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 1), (3, 3)])
        assert list(centre.broker.seen[EPOCH]) == [(1, 3)]
        assert await centre.letters() == []

    await centre.quiet()
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 3)])
    assert len(await centre.letters()) == 1


async def test_one_letter_that_the_records_refuse_does_not_hold_up_the_others(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    await centre.start()
    from records import status as status_records  # the function that is about to be replaced

    add = status_records.add_dead_letters

    async def picky(tx: Any, letters: list[Any]) -> int:
        if any(letter.first_seq == 2 for letter in letters):
            raise Rejected("no", code="constraint")
        return await add(tx, letters)

    monkeypatch.setattr("ingest.letter_desk.status_records.add_dead_letters", picky)
    samples = [sample(START + DAY, good(9000.0), seq=n) for n in (1, 2, 3)]
    centre.send(batch(samples))
    await centre.until(lambda: list(centre.broker.stored[EPOCH]) == [(1, 1), (3, 3)])

    assert [letter.first_seq for letter in await centre.letters()] == [1, 3]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_refusal_has_a_text_that_its_values_fill(locale: str) -> None:
    values = {
        "unknown_subject": {"subject"},
        "other_gateway": {"subject", "owner"},
        "order_only": {"boot"},
        "future": {"t_us"},
        "too_old": {"t_us"},
        "unknown_signal": {"signal", "expected"},
        "not_finite": {"signal"},
        "bad_row": {"detail"},
        "bad_payload": {"detail"},
        "payload_too_large": {"bytes"},
        "bad_topic": {"topic"},
        "store_refused": {"detail"},
        "unknown_gateway": {"gateway", "facility"},
    }
    for reason, given in values.items():
        wanted = {name for _, name, _, _ in Formatter().parse(catalogue(locale)[f"dead_letter.{reason}"])}
        assert wanted - {None} <= given, reason


async def test_undated_rows_are_dated_once_by_their_age_and_marked(centre: Centre) -> None:
    await centre.start()
    rows = [sample(None, good(9000.0), seq=n, mono_us=n * S) for n in (1, 2)]

    centre.send(batch(rows, sent_mono_us=10 * S))
    await centre.quiet()
    centre.now_us += 30 * S
    centre.send(batch(rows, sent_mono_us=40 * S + 123_456))
    await centre.quiet()

    raw = centre.memory.of("raw")
    assert [row.t_us for row in raw] == [START - 9 * S, START - 8 * S]
    assert {row.fields["dp_pa_reason"] for row in raw} == {Reason.DATED_BY_SERVER.value}
    assert {row.fields["dp_pa_quality"] for row in raw} == {Quality.UNCERTAIN.value}
