"""Messages of the outbox in words."""

from __future__ import annotations

import msgspec

from api import formats
from api.language import Language
from oxygen import messages
from records.messages import OutboxRow

_BADGES = {
    "sent": "done",
    "given_up": "critical",
    "failed": "urgent",
    "sending": "warning",
    "queued": "warning",
}
_ICONS = {"sent": "normal", "given_up": "critical", "failed": "urgent", "sending": "stale", "queued": "stale"}


class OutboxView(msgspec.Struct, frozen=True):
    """One message: to whom, about what, how far it got. A webhook's address is shown without its path."""

    id: int
    channel: str
    address: str
    template: str
    alarm_id: int | None
    state: str
    badge: str
    icon: str
    attempts: int
    error: str
    created: str
    sent: str
    next_due: str


def outbox_view(row: OutboxRow, language: Language) -> OutboxView:
    """Put a message into words; its signing key stays out."""
    waiting = row.state in {"queued", "failed"}
    return OutboxView(
        id=row.id,
        channel=language.code(f"channel.{row.channel}"),
        address=shown_address(row.channel, row.address),
        template=_subject(row, language),
        alarm_id=row.alarm_id,
        state=language.code(f"outbox_state.{row.state}"),
        badge=_BADGES.get(row.state, "warning"),
        icon=_ICONS.get(row.state, "unknown"),
        attempts=row.attempts,
        error=_error(row.last_error, language),
        created=formats.instant(row.created_us),
        sent=formats.instant(row.sent_us) if row.sent_us is not None else "",
        next_due=formats.instant(row.next_due_us) if waiting else "",
    )


def shown_address(channel: str, address: str) -> str:
    """Return an address without what may be a secret in it: a webhook's path and query."""
    if channel != "webhook":
        return address
    scheme, separator, rest = address.partition("://")
    host = rest.split("/")[0].split("?")[0].rpartition("@")[2]
    return f"{scheme}{separator}{host}/…" if separator else "…"


def _subject(row: OutboxRow, language: Language) -> str:
    """Return what a message is about: its kind and, when it tells of an alarm, the rule."""
    template = _known(f"template.{row.template}", row.template, language)
    rule = row.params.get("rule")
    return f"{template}: {_known(f'rules.{rule}', rule, language)}" if isinstance(rule, str) else template


def _error(code: str | None, language: Language) -> str:
    return _known(f"errors.{code}", code, language) if code else ""


def _known(key: str, otherwise: str, language: Language) -> str:
    return language.code(key) if key in messages.catalogue(language.locale) else otherwise
