"""Words of messages to an account's owner: one-time codes, and notices of changes."""

from __future__ import annotations

from oxygen.messages import text
from oxygen.messages.alarm_texts import clock_text
from records.messages import OutboxRow

CODE = "one_time_code"
CHANGED = "address_changed"
TEMPLATES = (CODE, CHANGED)


def words(row: OutboxRow) -> tuple[str, list[str]]:
    """Return subject and paragraphs of a message whose template is one of TEMPLATES."""
    locale, params = row.locale, row.params
    if row.template == CODE:
        values = {"code": params["code"], "minutes": params["minutes"]}
        keys = ("code", "code_care", "code_not_asked")
        paragraphs = [text(f"account_mail.{key}", locale, **values) for key in keys]
        return text("account_mail.code_subject", locale, **values), paragraphs
    kind = text(f"address_kind.{params['kind']}", locale)
    said = text("account_mail.changed", locale, kind=kind, at=clock_text(params["at_us"]))
    said = said[:1].upper() + said[1:]
    return text("account_mail.changed_subject", locale, kind=kind), [said]
