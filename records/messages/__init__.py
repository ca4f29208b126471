"""Contacts, the outbox, and mails that the loopback sink received."""

from __future__ import annotations

from records.messages.contacts import contacts, put_contact, remove_contact
from records.messages.models import CHANNELS
from records.messages.readable import CODE_FIELD, readable
from records.messages.services import (
    add_received_mail,
    claim_due,
    enqueue,
    mark_failed,
    mark_sent,
    outbox,
    received_mail_by_id,
    received_mails,
    withdraw,
)
from records.messages.structs import Contact, OutboxItem, OutboxRow, ReceivedMail

__all__ = [
    "CHANNELS",
    "CODE_FIELD",
    "Contact",
    "OutboxItem",
    "OutboxRow",
    "ReceivedMail",
    "add_received_mail",
    "claim_due",
    "contacts",
    "enqueue",
    "mark_failed",
    "mark_sent",
    "outbox",
    "put_contact",
    "readable",
    "received_mail_by_id",
    "received_mails",
    "remove_contact",
    "withdraw",
]
