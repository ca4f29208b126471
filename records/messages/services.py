"""The outbox: messages written in the transaction of what they tell of, sent by whoever claims them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import ColumnElement, select, update

from records.database import Transaction
from records.messages.models import outbox as table
from records.messages.models import received_mail
from records.messages.structs import OutboxItem, OutboxRow, ReceivedMail


async def enqueue(tx: Transaction, items: Sequence[OutboxItem]) -> int:
    """Queue messages and return how many were new; a key that is there already is left as it is."""
    added = 0
    for item in items:
        values = msgspec.structs.asdict(item)
        values["next_due_us"] = item.created_us if item.next_due_us is None else item.next_due_us
        values |= {"state": "queued", "attempts": 0}
        added += (await tx.execute(tx.insert(table).values(values).on_conflict_do_nothing())).rowcount
    return added


async def claim_due(
    tx: Transaction, worker: str, now_us: int, limit: int, reclaim_before_us: int
) -> list[OutboxRow]:
    """Take messages that are due, or that a worker claimed before `reclaim_before_us` and never reported.

    Highest priority first, then the longest due. Two workers never get the same message; commit before
    sending, so that a crash while sending costs at most one duplicate.
    """
    waiting = table.c.state.in_(("queued", "failed")) & (table.c.next_due_us <= now_us)
    due = waiting | ((table.c.state == "sending") & (table.c.claimed_us < reclaim_before_us))
    chosen = (
        select(table.c.id)
        .where(due)
        .order_by(table.c.priority.desc(), table.c.next_due_us, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = {
        "state": "sending",
        "claimed_by": worker,
        "claimed_us": now_us,
        "attempts": table.c.attempts + 1,
    }
    statement = update(table).where(table.c.id.in_(select(chosen.c.id)), due).values(taken).returning(table)
    rows = [OutboxRow(**row) for row in await tx.rows(statement)]
    return sorted(rows, key=lambda row: (-row.priority, row.next_due_us, row.id))


async def mark_sent(
    tx: Transaction, outbox_id: int, receipt: str, *, now_us: int, worker: str | None = None
) -> bool:
    """Note that a server took responsibility; False when the message is not being sent (by this worker)."""
    sent = {"state": "sent", "sent_us": now_us, "receipt": receipt, "last_error": None}
    return await _change(tx, _claimed(outbox_id, worker), sent)


async def mark_failed(
    tx: Transaction,
    outbox_id: int,
    error: str,
    next_due_us: int,
    give_up: bool = False,
    *,
    worker: str | None = None,
) -> bool:
    """Note a failure and when to try again, or never; False as for `mark_sent`."""
    failed = {"state": "given_up" if give_up else "failed", "last_error": error, "next_due_us": next_due_us}
    return await _change(tx, _claimed(outbox_id, worker), failed)


async def withdraw(tx: Transaction, outbox_id: int, reason: str) -> bool:
    """Give up a message that was not sent yet, because another takes its place; False when it is too late."""
    unsent = (table.c.id == outbox_id) & table.c.state.in_(("queued", "failed"))
    return await _change(tx, unsent, {"state": "given_up", "last_error": reason})


async def outbox(
    tx: Transaction,
    *,
    state: str | None = None,
    alarm_id: int | None = None,
    contact_id: int | None = None,
    before_id: int | None = None,
    within: ColumnElement[bool] | None = None,
    limit: int = 100,
) -> list[OutboxRow]:
    """Return messages, newest first; `before_id` pages on.

    `within` is a condition of `records.permission`.
    """
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    wanted = {"state": state, "alarm_id": alarm_id, "contact_id": contact_id}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    if before_id is not None:
        query = query.where(table.c.id < before_id)
    if within is not None:
        query = query.where(within)
    return [OutboxRow(**row) for row in await tx.rows(query)]


async def add_received_mail(tx: Transaction, mail: ReceivedMail) -> int:
    """Keep a mail of the loopback sink and return its id."""
    values = {name: value for name, value in msgspec.structs.asdict(mail).items() if name != "id"}
    for name in ("sender", "subject", "body_text", "body_html"):
        values[name] = values[name].replace("\x00", "\ufffd")  # PostgreSQL's text holds no NUL
    return int(await tx.scalar(received_mail.insert().values(values).returning(received_mail.c.id)))


async def received_mails(tx: Transaction, *, limit: int = 100) -> list[ReceivedMail]:
    """Return received mails, newest first."""
    query = select(received_mail).order_by(received_mail.c.id.desc()).limit(limit)
    return [ReceivedMail(**row) for row in await tx.rows(query)]


async def received_mail_by_id(tx: Transaction, mail_id: int) -> ReceivedMail | None:
    """Return one received mail, or None."""
    row = await tx.row(select(received_mail).where(received_mail.c.id == mail_id))
    return None if row is None else ReceivedMail(**row)


def _claimed(outbox_id: int, worker: str | None) -> ColumnElement[bool]:
    claimed = (table.c.id == outbox_id) & (table.c.state == "sending")
    return claimed if worker is None else claimed & (table.c.claimed_by == worker)


async def _change(tx: Transaction, condition: ColumnElement[bool], values: Mapping[str, object]) -> bool:
    return (await tx.execute(update(table).where(condition).values(values))).rowcount == 1
