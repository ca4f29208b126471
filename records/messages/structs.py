"""What the message services take and return."""

from __future__ import annotations

from typing import Any

import msgspec


class Contact(msgspec.Struct, frozen=True):
    """Somebody, or some system, that is told of alarms.

    Attributes:
        facility: Whose alarms; None for all facilities.
        channel: email or webhook; `address` is a mail address or a URL.
        secret: Key that signs a webhook's calls.
        minimum_severity: The mildest alarm this contact hears of.
        id, version: 0 for a contact that is not stored yet.
    """

    name: str
    channel: str
    address: str
    facility: str | None = None
    secret: str | None = None
    locale: str = "vi"
    minimum_severity: str = "warning"
    active: bool = True
    id: int = 0
    version: int = 0


class OutboxItem(msgspec.Struct, frozen=True):
    """A message to be sent.

    Attributes:
        key: Unique; enqueuing it again does nothing.
        template, params: Code and values; text is made when it is sent, in `locale`.
        priority: Higher goes first among messages that are due.
        next_due_us: Earliest time to send; None for `created_us`.
    """

    key: str
    channel: str
    address: str
    locale: str
    template: str
    params: dict[str, Any]
    created_us: int
    contact_id: int | None = None
    secret: str | None = None
    alarm_id: int | None = None
    priority: int = 0
    next_due_us: int | None = None


class OutboxRow(msgspec.Struct, frozen=True):
    """A message as it stands in the outbox.

    Attributes:
        state: queued, sending (claimed), sent, failed (will be tried again at `next_due_us`), given_up.
        attempts: How often it was claimed.
        last_error: Code of the last failure, or None.
        receipt: What the accepting server said.
    """

    id: int
    key: str
    contact_id: int | None
    channel: str
    address: str
    secret: str | None
    locale: str
    template: str
    params: dict[str, Any]
    alarm_id: int | None
    priority: int
    state: str
    attempts: int
    next_due_us: int
    claimed_by: str | None
    claimed_us: int | None
    last_error: str | None
    created_us: int
    sent_us: int | None
    receipt: str | None


class ReceivedMail(msgspec.Struct, frozen=True):
    """A mail that the loopback sink of `run` took in."""

    received_us: int
    sender: str
    recipients: list[str]
    subject: str
    body_text: str
    body_html: str = ""
    id: int = 0
