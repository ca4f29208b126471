"""From status rows to alarms and messages, on both databases."""

from __future__ import annotations

import msgspec
import pytest

import alerts.evaluator
from alerts.evaluation import look_at_row
from alerts.evaluator import OutOfStepError
from oxygen.reading import Reason
from oxygen.rules.alarm_state import RuleMemory
from records import alarms, messages
from records.messages import Contact
from tests.alerts.watched_world import LAN, SUBJECT, Bench
from tests.oxygen.rules.build import START_US, broken, minutes, never_read, reading, silent


async def test_low_stock_is_raised_with_its_figures_and_told_to_those_it_concerns(bench: Bench) -> None:
    await bench.contact()
    await bench.contact(Contact("Everywhere", "webhook", "https://example.org/h", secret="s", locale="en"))
    await bench.contact(Contact("Elsewhere", "email", "a@example.org", facility="bv-thu-duc"))
    await bench.contact(Contact("Worst only", "email", "b@example.org", minimum_severity="critical"))
    await bench.contact(Contact("Away", "email", "c@example.org", active=False))
    await bench.fills(*[40.0] * 3, *[29.0] * 12, start=0)

    await bench.evaluate()

    (alarm,) = await bench.alarms()
    assert (alarm.subject, alarm.facility, alarm.rule) == (SUBJECT, "bv-binh-thanh", "low_stock")
    assert (alarm.severity, alarm.state, alarm.raised_us) == ("reorder", "open", minutes(13))
    assert alarm.params["reason"] == "fill_low"
    assert alarm.params["fill_percent"] == 29.0
    assert alarm.params["since_us"] == minutes(3)
    told = await bench.outbox()
    assert [(row.params["contact"], row.template, row.locale, row.secret) for row in told] == [
        ("Lan", "alarm_raised", "vi", None),
        ("Everywhere", "alarm_raised", "en", "s"),
    ]
    assert told[0].params["names"]["vi"] == {"tank": "Bồn 1", "facility": "Bệnh viện Bình Thạnh"}


async def test_a_dip_and_a_refill_while_nobody_evaluated_give_one_raise_and_one_clear(bench: Bench) -> None:
    await bench.contact()
    await bench.fills(60.0, start=0)
    await bench.evaluate()
    await bench.fills(*[15.0] * 20, *[80.0] * 20, start=1)
    bench.now_us = minutes(500)
    bench.restart()

    await bench.evaluate()

    assert await bench.story() == [("low_stock", "cleared", [("raised", 11), ("cleared", 31)])]
    assert [row.template for row in await bench.outbox()] == ["alarm_raised", "alarm_cleared"]


async def test_worse_is_told_again_and_better_only_noted(bench: Bench) -> None:
    await bench.contact()
    await bench.fills(*[29.0] * 12, *[9.0] * 3, *[25.0] * 12, *[80.0] * 12, start=0)

    await bench.evaluate()

    ((_, state, events),) = await bench.story()
    assert state == "cleared"
    assert events == [("raised", 10), ("worsened", 13), ("improved", 25), ("cleared", 37)]
    outbox = await bench.outbox()
    assert [row.template for row in outbox] == ["alarm_raised", "alarm_worsened", "alarm_cleared"]
    assert outbox[1].priority > outbox[0].priority > outbox[2].priority


async def test_only_who_was_told_of_the_beginning_is_told_of_the_end(bench: Bench) -> None:
    lan = await bench.contact()
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate()
    await bench.contact(Contact("Newcomer", "email", "new@example.org"))
    await bench.contact(msgspec.structs.replace(lan, minimum_severity="critical"))
    await bench.fills(*[80.0] * 12, start=12)

    await bench.evaluate()

    ended = [row for row in await bench.outbox() if row.template == "alarm_cleared"]
    assert [row.contact_id for row in ended] == [lan.id]


async def test_a_restart_before_every_row_changes_nothing(bench: Bench) -> None:
    await bench.contact()
    fills = [29.0] * 12 + [19.0, 21.0] * 8 + [9.0] * 3 + [31.0, 33.0] * 8 + [80.0] * 12
    for minute, fill in enumerate(fills):
        await bench.write(reading(minutes(minute), fill))
        bench.restart()
        await bench.evaluate()
    stepwise = await bench.story()
    bodies = await memories(bench)

    await forget_everything(bench)
    bench.restart()
    await bench.evaluate()

    whole = (await bench.story())[len(stepwise) :]
    assert [kind for kind, _ in stepwise[0][2]] == ["raised", "worsened", "improved", "cleared"]
    assert whole == stepwise
    assert await memories(bench) == bodies


async def memories(bench: Bench) -> dict[str, RuleMemory]:
    async with bench.database.read() as tx:
        return {each.rule: RuleMemory.from_body(each.body) for each in await alarms.memories(tx)}


async def forget_everything(bench: Bench) -> None:
    """Put cursor and memories back to the beginning."""
    async with bench.database.write() as tx:
        await alarms.put_cursor(tx, "alerts", 0)
        await alarms.put_memories(
            tx, [msgspec.structs.replace(each, body={}) for each in await alarms.memories(tx)]
        )


async def test_a_broken_wire_is_a_fault_and_leaves_low_stock_as_it_is(bench: Bench) -> None:
    await bench.fills(*[29.0] * 12, start=0)
    await bench.write(*(broken(minutes(n), minutes(11), 29.0) for n in range(12, 60)))

    await bench.evaluate()

    assert await bench.story() == [
        ("low_stock", "open", [("raised", 10)]),
        ("sensor_fault", "open", [("raised", 13)]),
    ]
    fault = (await bench.alarms())[1]
    assert (fault.severity, fault.params["fault"]) == ("warning", "wire_break")


async def test_a_full_tank_with_a_broken_wire_is_never_called_low(bench: Bench) -> None:
    await bench.fills(*[80.0] * 12, start=0)
    await bench.write(
        *(broken(minutes(n), minutes(11), 80.0, reason=Reason.NO_ANSWER) for n in range(12, 100))
    )

    await bench.evaluate()
    await bench.pass_time(100, 120, 200, 500)

    assert "low_stock" not in {alarm.rule for alarm in await bench.alarms()}


async def test_silence_is_noticed_without_any_row_and_clears_nothing(bench: Bench) -> None:
    await bench.contact()
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate()

    await bench.pass_time(13, 25, 26, 27, 60, 600)

    assert await bench.story() == [
        ("low_stock", "open", [("raised", 10)]),
        ("stale_data", "open", [("raised", 27)]),
    ]
    # Readings come back, still low.
    await bench.fills(*[29.0] * 3, start=601)
    await bench.evaluate()
    await bench.pass_time(604, 606)

    assert await bench.story() == [
        ("low_stock", "open", [("raised", 10)]),
        ("stale_data", "cleared", [("raised", 27), ("cleared", 606)]),
    ]


async def test_rows_that_say_stale_neither_raise_nor_clear_low_stock(bench: Bench) -> None:
    await bench.fills(*[80.0] * 12, start=0)
    await bench.write(*(silent(minutes(n), minutes(11), 80.0) for n in range(27, 200)))

    await bench.evaluate()

    assert await bench.story() == []


async def test_a_tank_never_read_is_noticed_from_when_it_was_first_watched(bench: Bench) -> None:
    await bench.write(never_read(minutes(100)))
    await bench.evaluate()

    await bench.pass_time(100, 114)
    bench.restart()
    await bench.pass_time(115, 116)

    assert await bench.story() == [("stale_data", "open", [("raised", 116)])]
    assert (await bench.alarms())[0].params["reason"] == "never_read"


async def test_silence_is_not_raised_in_the_first_moments_after_a_start(bench: Bench) -> None:
    await bench.fills(80.0, start=0)
    await bench.evaluate()
    bench.now_us = minutes(600)
    bench.restart(start_grace_s=120)

    await bench.pass_time(600, 601)
    assert await bench.story() == []

    await bench.pass_time(602)
    assert await bench.story() == [("stale_data", "open", [("raised", 602)])]


async def test_a_forecast_that_runs_out_in_silence_is_raised_by_time_alone(bench: Bench) -> None:
    await bench.contact()
    await bench.write(reading(minutes(0), 60.0, hours_p10=37.0))
    await bench.evaluate()

    await bench.pass_time(*range(1, 100))

    stock = next(alarm for alarm in await bench.alarms() if alarm.rule == "low_stock")
    assert stock.params["reason"] == "predicted_depletion"
    # 37 h at minute 0; the limit of 36 h is reached at minute 60 and holds for ten.
    assert stock.raised_us == minutes(70)


async def test_history_that_comes_late_is_listed_and_pages_nobody(bench: Bench) -> None:
    await bench.contact()
    await bench.write(reading(minutes(0), 60.0))
    past = [(-900, 60.0), (-800, 25.0), (-700, 60.0), (-600, 60.0)]
    await bench.write(*(reading(minutes(at), fill) for at, fill in past), late=True)

    await bench.evaluate()
    await bench.pass_time(1, 2)

    (listed,) = await bench.alarms(late=True)
    assert (listed.severity, listed.raised_us, listed.cleared_us) == ("reorder", minutes(-800), minutes(-700))
    assert await bench.alarms() == []
    assert await bench.outbox() == []


async def test_history_replayed_is_listed_once(bench: Bench) -> None:
    past = [
        reading(minutes(at), fill) for at, fill in ((-900, 60.0), (-800, 25.0), (-700, 60.0), (-600, 60.0))
    ]
    for _ in range(3):
        await bench.write(*past, late=True)

    await bench.evaluate()

    assert len(await bench.alarms(late=True)) == 1


async def test_an_open_alarm_shows_what_is_known_now(bench: Bench) -> None:
    await bench.fills(*[29.0] * 12, 28.0, start=0)

    await bench.evaluate()

    (alarm,) = await bench.alarms()
    assert alarm.params["fill_percent"] == 28.0
    assert await bench.events(alarm) == [("raised", 10)]


async def test_new_limits_hold_from_now_on_and_reset_nothing(bench: Bench) -> None:
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate()
    await bench.limit("low_stock", reorder_percent=50.0, raise_delay_s=60.0)
    await bench.fills(*[45.0] * 30, start=12)

    await bench.evaluate()

    assert await bench.story() == [("low_stock", "open", [("raised", 10)])]
    assert (await bench.alarms())[0].rule_version == 0


async def test_an_alarm_names_the_version_of_its_rule(bench: Bench) -> None:
    await bench.limit("low_stock", raise_delay_s=60.0)
    await bench.limit("low_stock", raise_delay_s=120.0)
    await bench.fills(*[29.0] * 4, start=0)

    await bench.evaluate()

    (alarm,) = await bench.alarms()
    assert (alarm.rule_version, alarm.raised_us) == (2, minutes(2))


async def test_an_evaluator_that_was_overtaken_reads_its_state_again(bench: Bench) -> None:
    overtaken = bench.restart()
    await overtaken.load()
    await bench.contact()
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate(bench.restart())

    overtaken._cursor = 0
    with pytest.raises(OutOfStepError):
        await overtaken.evaluate_rows()
    await bench.evaluate(overtaken)

    assert await bench.story() == [("low_stock", "open", [("raised", 10)])]
    assert len(await bench.outbox()) == 1


async def test_a_row_that_cannot_be_evaluated_does_not_end_the_watch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = (await bench.write(reading(minutes(0), 42.0)))[0]
    await bench.fills(*[29.0] * 12, start=1)

    def trip(row, *rest):  # type: ignore[no-untyped-def]
        if row.id == poisoned:
            raise ZeroDivisionError
        return look_at_row(row, *rest)

    monkeypatch.setattr(alerts.evaluator, "look_at_row", trip)
    evaluator = bench.restart()
    await bench.evaluate(evaluator)

    assert evaluator.skipped == 1
    assert await bench.story() == [("low_stock", "open", [("raised", 11)])]


async def test_acknowledging_does_not_clear_and_worse_is_told_all_the_same(bench: Bench) -> None:
    await bench.contact()
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate()
    async with bench.database.write() as tx:
        await alarms.acknowledge(tx, (await bench.alarms())[0].id, actor="lan", now_us=minutes(12))
    await bench.fills(*[9.0] * 5, start=12)

    await bench.evaluate()

    (alarm,) = await bench.alarms()
    assert (alarm.state, alarm.acknowledged, alarm.severity) == ("open", True, "critical")
    assert [row.template for row in await bench.outbox()] == ["alarm_raised", "alarm_worsened"]


async def test_a_removed_contact_is_not_written_to(bench: Bench) -> None:
    lan = await bench.contact(LAN)
    await bench.fills(*[29.0] * 12, start=0)
    await bench.evaluate()
    async with bench.database.write() as tx:
        await messages.remove_contact(tx, lan.id, actor="test", now_us=START_US)
    await bench.fills(*[80.0] * 12, start=12)

    await bench.evaluate()

    assert [row.template for row in await bench.outbox()] == ["alarm_raised"]


async def test_rows_of_a_tank_that_is_not_registered_are_passed_over(bench: Bench) -> None:
    await bench.write(*(reading(minutes(n), 5.0, subject="tank:unknown-1") for n in range(20)))

    await bench.evaluate()
    await bench.pass_time(5)

    assert await bench.alarms() == []


async def test_evaluation_says_how_far_it_has_come(bench: Bench) -> None:
    evaluator = bench.restart(batch_rows=5)
    await evaluator.load()
    await bench.fills(*[60.0] * 7, start=0)
    bench.now_us = minutes(7)

    assert await evaluator.evaluate_rows() is False
    assert evaluator.evaluated_as_of_us is None
    assert await evaluator.evaluate_rows() is True
    assert evaluator.evaluated_as_of_us == minutes(7)
