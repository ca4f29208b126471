"""Alarms: one open per subject and rule, a history of everything, late ones apart."""

from __future__ import annotations

import pytest

from oxygen.errors import Rejected
from records import alarms, audit
from records.alarms import AlarmMemory
from records.alarms.models import alarm as alarm_table
from records.database import Database, Transaction
from tests.records import samples


async def kinds(tx: Transaction, alarm_id: int) -> list[str]:
    return [event.kind for event in await alarms.alarm_events(tx, alarm_id)]


async def late(tx: Transaction, *, raised_us: int, cleared_us: int | None) -> alarms.Alarm:
    return await alarms.log_late_alarm(
        tx,
        subject="tank:cho-lon-1",
        facility="bv-cho-lon",
        rule="low_stock",
        rule_version=3,
        severity="urgent",
        raised_us=raised_us,
        cleared_us=cleared_us,
        params={"fill_percent": 18.0},
        at_us=900,
    )


async def test_raising_what_is_open_changes_nothing(database: Database) -> None:
    async with database.write() as tx:
        first = await samples.raise_alarm(tx)
        again = await samples.raise_alarm(tx, at_us=200)

        assert again == first
        assert await kinds(tx, first.id) == ["raised"]


async def test_the_database_itself_refuses_a_second_open_alarm(database: Database) -> None:
    async with database.write() as tx:
        first = await samples.raise_alarm(tx)
        row = dict(await tx.row(alarm_table.select()) or {})

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await tx.execute(alarm_table.insert().values({**row, "id": first.id + 1}))
    assert caught.value.code == "constraint"


async def test_an_alarm_lives_from_raised_to_cleared_and_may_be_raised_again(database: Database) -> None:
    async with database.write() as tx:
        raised = await samples.raise_alarm(tx)
        worse = await alarms.update_alarm(
            tx, raised.id, at_us=110, severity="critical", params={"fill_percent": 9.0}, kind="worsened"
        )
        cleared = await alarms.clear_alarm(tx, raised.id, at_us=120, params={"fill_percent": 80.0})
        second = await samples.raise_alarm(tx, at_us=130)
        events = await alarms.alarm_events(tx, raised.id)

    assert (worse.severity, worse.version, worse.params) == ("critical", 2, {"fill_percent": 9.0})
    assert (cleared.state, cleared.cleared_us, cleared.raised_us) == ("cleared", 120, 100)
    assert second.id != raised.id
    assert [(event.kind, event.at_us) for event in events] == [
        ("raised", 100),
        ("worsened", 110),
        ("cleared", 120),
    ]
    assert events[0].params == {"severity": "reorder", "fill_percent": 29.5}


async def test_fresh_figures_alone_are_no_new_version_and_no_event(database: Database) -> None:
    async with database.write() as tx:
        raised = await samples.raise_alarm(tx)
        fresh = await alarms.update_alarm(
            tx, raised.id, at_us=110, severity="reorder", params={"fill_percent": 28.0}
        )

        assert (fresh.version, fresh.params) == (1, {"fill_percent": 28.0})
        assert await kinds(tx, raised.id) == ["raised"]


async def test_a_cleared_alarm_is_neither_changed_nor_cleared_again(database: Database) -> None:
    async with database.write() as tx:
        raised = await samples.raise_alarm(tx)
        await alarms.clear_alarm(tx, raised.id, at_us=120, params={})

    with pytest.raises(Rejected, match="meanwhile"):
        async with database.write() as tx:
            await alarms.clear_alarm(tx, raised.id, at_us=130, params={})
    with pytest.raises(Rejected, match="meanwhile"):
        async with database.write() as tx:
            await alarms.update_alarm(tx, raised.id, at_us=130, severity="urgent", params={})


async def test_acknowledging_twice_is_acknowledging_once(database: Database) -> None:
    async with database.write() as tx:
        raised = await samples.raise_alarm(tx)
        first = await alarms.acknowledge(tx, raised.id, actor="lan", now_us=150, note="đã gọi xe bồn")
        again = await alarms.acknowledge(tx, raised.id, actor="minh", now_us=160, expected_version=1)
        events = await alarms.alarm_events(tx, raised.id)
        entries = await audit.entries(tx, subject=f"alarm:{raised.id}")

    assert again == first
    assert (first.acknowledged, first.acknowledged_by, first.acknowledged_us) == (True, "lan", 150)
    assert first.state == "open"
    assert [(event.kind, event.actor) for event in events] == [("raised", "system"), ("acknowledged", "lan")]
    assert [(entry.actor, entry.detail) for entry in entries] == [("lan", {"note": "đã gọi xe bồn"})]


async def test_nobody_acknowledges_what_worsened_behind_their_back(database: Database) -> None:
    async with database.write() as tx:
        seen = await samples.raise_alarm(tx)
        await alarms.update_alarm(tx, seen.id, at_us=110, severity="critical", params={}, kind="worsened")

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await alarms.acknowledge(tx, seen.id, actor="lan", now_us=150, expected_version=seen.version)
    assert caught.value.code == "changed_meanwhile"
    async with database.read() as tx:
        present = await alarms.alarm(tx, seen.id)
    assert present is not None
    assert not present.acknowledged


async def test_an_unknown_alarm_is_not_found(database: Database) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await alarms.acknowledge(tx, 404, actor="lan", now_us=1)
    assert caught.value.code == "not_found"


async def test_a_late_crossing_is_listed_once_and_leaves_the_open_alarm_alone(database: Database) -> None:
    async with database.write() as tx:
        live = await samples.raise_alarm(tx)
        begun = await late(tx, raised_us=50, cleared_us=None)
        ended = await late(tx, raised_us=50, cleared_us=60)
        again = await late(tx, raised_us=50, cleared_us=70)
        other = await late(tx, raised_us=80, cleared_us=90)

        assert await alarms.alarm(tx, live.id) == live
        assert await kinds(tx, begun.id) == ["late"]
        assert [each.id for each in await alarms.alarms(tx, late=True)] == [other.id, begun.id]
        assert [each.id for each in await alarms.alarms(tx, state="open")] == [live.id]
    assert (begun.cleared_us, ended.cleared_us, again.cleared_us) == (None, 60, 60)
    assert (begun.late, begun.state) == (True, "cleared")


async def test_the_list_keeps_what_is_open_or_recent(database: Database) -> None:
    async with database.write() as tx:
        ancient = await samples.raise_alarm(tx, subject="tank:a", at_us=10)
        await alarms.clear_alarm(tx, ancient.id, at_us=20, params={})
        lasting = await samples.raise_alarm(tx, subject="tank:b", at_us=11)
        ended = await samples.raise_alarm(tx, subject="tank:c", at_us=12)
        await alarms.clear_alarm(tx, ended.id, at_us=500, params={})
        recent = await alarms.alarms(tx, since_us=100)
        everything = await alarms.alarms(tx, facility="bv-cho-lon")
        newest = await alarms.alarms(tx, limit=1)

    assert [each.id for each in recent] == [ended.id, lasting.id]
    assert [each.id for each in everything] == [ended.id, lasting.id, ancient.id]
    assert [each.id for each in newest] == [ended.id]


async def test_memory_and_cursor_come_back_as_they_were_put(database: Database) -> None:
    body = {"latched": True, "pending_since_us": None, "severity": "urgent"}
    async with database.write() as tx:
        await alarms.put_memory(tx, "tank:a", "low_stock", {"latched": False})
        await alarms.put_memories(
            tx, [AlarmMemory("tank:b", "stale_data", {}), AlarmMemory("tank:a", "low_stock", body)]
        )
        await alarms.put_memories(tx, [])
        await alarms.put_cursor(tx, "evaluator", 2**40)

    async with database.read() as tx:
        assert await alarms.memories(tx) == [
            AlarmMemory("tank:a", "low_stock", body),
            AlarmMemory("tank:b", "stale_data", {}),
        ]
        assert await alarms.cursor(tx, "evaluator") == 2**40
        assert await alarms.cursor(tx, "unheard of") == 0
