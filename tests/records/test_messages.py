"""The outbox: each message once, to one sender at a time; contacts that are never silently overwritten."""

from __future__ import annotations

import asyncio
from itertools import chain

import msgspec
import pytest
from sqlalchemy import text

from oxygen.errors import Rejected
from records import audit, messages
from records.database import Database
from records.messages import Contact, ReceivedMail
from tests.records import samples
from tests.records.conftest import OpenDatabase

CONTACT = Contact("Trực oxy", "webhook", "https://bv.example/hook", secret="khóa ký", locale="vi")


async def test_a_key_that_is_there_already_is_left_alone(database: Database) -> None:
    other = msgspec.structs.replace(samples.message("a"), address="somebody@else.example")
    async with database.write() as tx:
        assert await messages.enqueue(tx, [samples.message("a"), samples.message("b")]) == 2
        assert await messages.enqueue(tx, [other]) == 0
        stored = await messages.outbox(tx)

    assert [(row.key, row.address, row.state, row.attempts) for row in stored] == [
        ("b", "truc@bv.example", "queued", 0),
        ("a", "truc@bv.example", "queued", 0),
    ]


async def test_critical_messages_go_first_then_the_longest_due_and_none_before_its_time(
    database: Database,
) -> None:
    items = [
        samples.message("late", due_us=30),
        samples.message("early", due_us=20),
        samples.message("critical", due_us=40, priority=3),
        samples.message("tomorrow", due_us=1000),
    ]
    async with database.write() as tx:
        await messages.enqueue(tx, items)
        first = await messages.claim_due(tx, "w1", 50, 2, 0)
        second = await messages.claim_due(tx, "w1", 50, 10, 0)

    assert [row.key for row in first] == ["critical", "early"]
    assert [row.key for row in second] == ["late"]
    assert (first[0].state, first[0].claimed_by, first[0].attempts) == ("sending", "w1", 1)


async def test_senders_racing_for_the_same_messages_get_disjoint_ones(
    url: str, database: Database, open_database: OpenDatabase
) -> None:
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message(f"m-{number}") for number in range(60)])
    senders = [open_database(url) for _ in range(4)]

    async def drain(number: int) -> list[str]:
        taken: list[str] = []
        while True:
            async with senders[number].write() as tx:
                rows = await messages.claim_due(tx, f"w{number}", 50, 3, 0)
            if not rows:
                return taken
            assert len(rows) <= 3
            taken += [row.key for row in rows]

    taken = await asyncio.gather(*(drain(number) for number in range(4)))
    assert sorted(chain.from_iterable(taken)) == sorted(f"m-{number}" for number in range(60))


async def test_a_failure_waits_its_turn_and_a_success_is_final(database: Database) -> None:
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message("a")])
        (row,) = await messages.claim_due(tx, "w1", 50, 10, 0)
        assert await messages.mark_failed(tx, row.id, "451", 80, worker="w1")
        assert await messages.claim_due(tx, "w1", 79, 10, 0) == []
        (again,) = await messages.claim_due(tx, "w1", 80, 10, 0)
        assert (again.attempts, again.last_error) == (2, "451")
        assert await messages.mark_sent(tx, row.id, "250 OK", now_us=90, worker="w1")
        assert await messages.claim_due(tx, "w1", 10**9, 10, 10**9) == []
        (sent,) = await messages.outbox(tx, state="sent")

    assert (sent.sent_us, sent.receipt, sent.last_error) == (90, "250 OK", None)


async def test_a_message_given_up_is_never_sent(database: Database) -> None:
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message("a")])
        (row,) = await messages.claim_due(tx, "w1", 50, 10, 0)
        assert await messages.mark_failed(tx, row.id, "550", 60, True)
        assert await messages.claim_due(tx, "w1", 10**9, 10, 10**9) == []
        (stored,) = await messages.outbox(tx)

    assert (stored.state, stored.last_error) == ("given_up", "550")


async def test_a_message_of_a_sender_that_died_goes_to_another_and_the_dead_ones_word_counts_no_more(
    database: Database,
) -> None:
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message("a")])
        (row,) = await messages.claim_due(tx, "w1", 50, 10, 0)
        assert await messages.claim_due(tx, "w2", 90, 10, 50) == []
        (taken,) = await messages.claim_due(tx, "w2", 90, 10, 51)
        assert taken.id == row.id
        assert not await messages.mark_failed(tx, row.id, "timeout", 99, worker="w1")
        assert not await messages.mark_sent(tx, row.id, "250", now_us=99, worker="w1")
        assert await messages.mark_sent(tx, row.id, "250", now_us=99, worker="w2")
        assert not await messages.mark_sent(tx, row.id, "250 again", now_us=100, worker="w2")


async def test_only_what_is_not_being_sent_can_be_withdrawn(database: Database) -> None:
    async with database.write() as tx:
        await messages.enqueue(tx, [samples.message("a"), samples.message("b", due_us=99)])
        (sending,) = await messages.claim_due(tx, "w1", 50, 10, 0)
        (waiting,) = await messages.outbox(tx, state="queued")

        assert not await messages.withdraw(tx, sending.id, "collapsed")
        assert await messages.withdraw(tx, waiting.id, "collapsed")
        (gone,) = await messages.outbox(tx, state="given_up")
    assert (gone.key, gone.last_error) == ("b", "collapsed")


async def test_messages_of_one_alarm_can_be_listed(database: Database) -> None:
    async with database.write() as tx:
        alarm = await samples.raise_alarm(tx)
        of_alarm = msgspec.structs.replace(samples.message("a"), alarm_id=alarm.id)
        await messages.enqueue(tx, [of_alarm, samples.message("b")])

        assert [row.key for row in await messages.outbox(tx, alarm_id=alarm.id)] == ["a"]
        (newer, older) = await messages.outbox(tx)
        assert await messages.outbox(tx, before_id=newer.id) == [older]


async def test_a_contact_is_added_changed_and_removed_and_its_secret_stays_out_of_the_audit(
    database: Database,
) -> None:
    async with database.write() as tx:
        stored = await messages.put_contact(tx, CONTACT, actor="lan", now_us=1)
        resting = await messages.put_contact(
            tx, msgspec.structs.replace(stored, active=False), actor="lan", now_us=2
        )
        assert await messages.contacts(tx) == [resting]
        assert await messages.contacts(tx, active_only=True) == []
        await messages.remove_contact(tx, stored.id, actor="lan", now_us=3)
        assert await messages.contacts(tx) == []
        entries = await audit.entries(tx, subject=f"contact:{stored.id}")

    assert (stored.version, resting.version) == (1, 2)
    assert msgspec.structs.replace(stored, id=0, version=0) == CONTACT
    assert [entry.action for entry in entries] == ["contact.remove", "contact.put", "contact.put"]
    assert "khóa ký" not in str(entries)
    assert CONTACT.address not in str(entries)
    assert entries[1].detail["address"] == "bv.example"


async def test_the_audit_keeps_of_a_mail_address_what_its_owner_knows_it_by(database: Database) -> None:
    mail = msgspec.structs.replace(CONTACT, channel="email", address="lan.nguyen@bv.example", secret=None)
    async with database.write() as tx:
        await messages.put_contact(tx, mail, actor="lan", now_us=1)
        (entry,) = await audit.entries(tx, action="contact.put")
    assert entry.detail["address"] == "l***@bv.example"


async def test_of_a_removed_contact_no_address_is_kept(database: Database) -> None:
    async with database.write() as tx:
        stored = await messages.put_contact(tx, CONTACT, actor="lan", now_us=1)
        await messages.remove_contact(tx, stored.id, actor="lan", now_us=3)
        (row,) = await tx.rows(text("SELECT address, secret FROM contact"))
    assert dict(row) == {"address": "", "secret": None}


async def test_two_editors_of_a_contact_do_not_overwrite_each_other(database: Database) -> None:
    async with database.write() as tx:
        seen = await messages.put_contact(tx, CONTACT, actor="lan", now_us=1)
        await messages.put_contact(tx, msgspec.structs.replace(seen, name="Lan"), actor="lan", now_us=2)

    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await messages.put_contact(tx, msgspec.structs.replace(seen, name="Minh"), actor="minh", now_us=3)
    assert caught.value.code == "changed_meanwhile"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"channel": "pigeon"}, "bad_value"),
        ({"minimum_severity": "mild"}, "bad_value"),
        ({"facility": "bv-nowhere"}, "constraint"),
    ],
)
async def test_a_contact_that_cannot_work_is_refused(
    database: Database, change: dict[str, str], code: str
) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await messages.put_contact(tx, msgspec.structs.replace(CONTACT, **change), actor="lan", now_us=1)
    assert caught.value.code == code


async def test_removing_a_contact_that_is_gone_says_so(database: Database) -> None:
    with pytest.raises(Rejected) as caught:
        async with database.write() as tx:
            await messages.remove_contact(tx, 404, actor="lan", now_us=1)
    assert caught.value.code == "not_found"


async def test_received_mails_are_listed_newest_first(database: Database) -> None:
    mail = ReceivedMail(5, "oxy@bv.example", ["truc@bv.example"], "Sắp hết oxy", "còn 9 %\x00", "<p>9 %</p>")
    async with database.write() as tx:
        first = await messages.add_received_mail(tx, mail)
        second = await messages.add_received_mail(tx, msgspec.structs.replace(mail, subject="Đã nạp"))
        stored = await messages.received_mails(tx)
        one = await messages.received_mail_by_id(tx, first)
        none = await messages.received_mail_by_id(tx, second + 1)

    assert [each.subject for each in stored] == ["Đã nạp", "Sắp hết oxy"]
    assert one == msgspec.structs.replace(mail, id=first, body_text="còn 9 %\ufffd")
    assert none is None
