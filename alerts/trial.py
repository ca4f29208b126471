"""Test messages: the real way to a contact, marked as a test."""

from __future__ import annotations

import msgspec

from alerts.announcing import TEST, TEST_PRIORITY
from oxygen.errors import Rejected
from records import audit, messages
from records.database import Database
from records.messages import OutboxItem, OutboxRow


class Sent(msgspec.Struct, frozen=True):
    """A queued test message: the contact's name, and the key to ask for it by."""

    contact: str
    contact_id: int
    key: str


async def queue_tests(
    database: Database, *, actor: str, now_us: int, contact_id: int | None = None
) -> list[Sent]:
    """Queue a test message for one contact or for all active ones, and return what was queued.

    It takes every step that an alarm takes: outbox, worker, channel; a running `alerts` sends it.

    Raises Rejected `not_found` when there is no such active contact.
    """
    async with database.write() as tx:
        contacts = [
            contact
            for contact in await messages.contacts(tx, active_only=True)
            if contact_id in (None, contact.id)
        ]
        if contact_id is not None and not contacts:
            raise Rejected(
                f"there is no active contact {contact_id}",
                code="not_found",
                what="contact",
                key=str(contact_id),
            )
        queued = [
            Sent(contact.name, contact.id, f"test-{now_us}-contact-{contact.id}") for contact in contacts
        ]
        await messages.enqueue(
            tx,
            [
                OutboxItem(
                    key=sent.key,
                    channel=contact.channel,
                    address=contact.address,
                    locale=contact.locale,
                    template=TEST,
                    params={"contact": contact.name, "test": True},
                    created_us=now_us,
                    contact_id=contact.id,
                    secret=contact.secret,
                    priority=TEST_PRIORITY,
                )
                for sent, contact in zip(queued, contacts, strict=True)
            ],
        )
        for sent in queued:
            await audit.record(
                tx,
                at_us=now_us,
                actor=actor,
                action="alarm.test",
                subject=f"contact:{sent.contact_id}",
                detail={"key": sent.key},
            )
    return queued


async def outcome(database: Database, sent: Sent) -> OutboxRow | None:
    """Return a queued test message as it stands: its state, last error and receipt."""
    async with database.read() as tx:
        rows = await messages.outbox(tx, contact_id=sent.contact_id)
    return next((row for row in rows if row.key == sent.key), None)
