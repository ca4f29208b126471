"""What is handed to a channel, and what comes back."""

from __future__ import annotations

import msgspec


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to one person.

    Attributes:
        key: Identity of the message; the same at every attempt.
        recipient: Address, as `lan@example.org`.
        subject: One line.
        text, html: The same content twice.
    """

    key: str
    recipient: str
    subject: str
    text: str
    html: str


class Receipt(msgspec.Struct, frozen=True):
    """The other side accepted the message.

    Attributes:
        reference: What it answered, shortened; helps to find the message in its logs.
    """

    reference: str


def shortened(answer: str, length: int = 200) -> str:
    """Return an answer on one line, cut to a length."""
    line = " ".join(answer.split())
    return line if len(line) <= length else line[: length - 1] + "…"
