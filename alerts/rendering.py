"""Text of messages, made when they are sent, in the recipient's language."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from alerts import account_mail
from alerts.announcing import CLEARED, TEST, WORSENED
from channels.message import Mail
from oxygen.local_time import from_us
from oxygen.messages import text
from oxygen.messages.alarm_texts import (
    advice,
    clock_text,
    figures,
    over_sentence,
    sentence,
    short_text,
)
from records import audit
from records.messages import OutboxRow


class Content(msgspec.Struct, frozen=True):
    """A message in words, before it is laid out.

    Attributes:
        subject: One line.
        paragraphs: What is said, in order.
        rows: Figures as (label, value).
        link: Address of the alarm's page; empty for a test.
        footer: Small print.
    """

    subject: str
    paragraphs: Sequence[str]
    rows: Sequence[tuple[str, str]]
    link: str
    footer: Sequence[str]


def content(row: OutboxRow, *, page_url: str, passed: bool) -> Content:
    """Return a message's words.

    Args:
        row: The message.
        page_url: Where the pages are reached.
        passed: The alarm's end is told to somebody who was never told of its beginning.
    """
    locale, params = row.locale, row.params
    if row.template == TEST:
        subject = f"[{text('mail.test_mark', locale)}] {text('mail.test_subject', locale)}"
        return Content(subject, [text("mail.test", locale)], [], "", [text("mail.test_sender", locale)])
    if row.template in account_mail.TEMPLATES:
        subject, paragraphs = account_mail.words(row)
        return Content(subject, paragraphs, [], "", [text("mail.test_sender", locale)])
    if row.template == audit.HEAD_TEMPLATE:
        return _audit_head(params, locale)
    names = params["names"].get(locale) or params["names"]["vi"]
    rule, shown = params["rule"], params["figures"]
    footer = [text(f"mail.{key}", locale) for key in ("time_basis", "sender")]
    if params["simulated"]:
        footer.insert(0, text("mail.simulated", locale))
    return Content(
        subject=_first_letter_large(_subject(row, names, passed)),
        paragraphs=[f"{names['tank']}, {names['facility']}", *_paragraphs(row, passed)],
        rows=[*figures(rule, shown, locale), *_instants(params, locale)],
        link=f"{page_url.rstrip('/')}/alarms/{params['alarm_id']}",
        footer=footer,
    )


def _audit_head(params: dict[str, Any], locale: str) -> Content:
    """Return the words of the message that keeps a seal of the audit outside the system."""
    values = {"block": params["block"], "hash": params["hash"]}
    figures = ("block", "hash", "rows")
    rows = [(text(f"mail.audit_head_{name}", locale), str(params[name])) for name in figures]
    sealed = f"{from_us(params['sealed_us']):%Y-%m-%d %H:%M:%S} UTC"  # to be kept for years
    rows.append((text("mail.audit_head_sealed", locale), sealed))
    paragraphs = [text("mail.audit_head", locale), text("mail.audit_head_check", locale, **values)]
    footer = [text("mail.test_sender", locale)]
    return Content(text("mail.audit_head_subject", locale, **values), paragraphs, rows, "", footer)


def mail(row: OutboxRow, *, page_url: str, passed: bool) -> Mail:
    """Return a message as a mail, plain and in simple HTML with the same words."""
    words = content(row, page_url=page_url, passed=passed)
    return Mail(
        key=row.key,
        recipient=row.address,
        subject=words.subject,
        text=_plain(words, row.locale),
        html=_html(words, row.locale),
    )


def webhook_body(row: OutboxRow, *, page_url: str, passed: bool) -> bytes:
    """Return a message as JSON: codes and figures for programs, words for people."""
    words = content(row, page_url=page_url, passed=passed)
    body = {
        "v": 1,
        "key": row.key,
        "kind": row.template,
        "test": row.template == TEST,
        "passed": passed,
        "alarm": {name: value for name, value in row.params.items() if name != "contact"},
        "subject": words.subject,
        "text": _plain(words, row.locale),
        "link": words.link,
    }
    return msgspec.json.encode(body)


def _subject(row: OutboxRow, names: dict[str, str], passed: bool) -> str:
    locale, params = row.locale, row.params
    rule = params["rule"]
    values = {
        **names,
        "rule": text(f"rules.{rule}", locale),
        "severity": text(f"severity.{params['severity']}", locale),
        "short": short_text(rule, params["figures"], locale),
        "since": clock_text(params["raised_us"]),
        "until": clock_text(params["cleared_us"]),
    }
    kind = "raised"
    if row.template == CLEARED:
        kind = "passed" if passed else "cleared"
    elif row.template == WORSENED:
        kind = "worsened"
    return text(f"mail.{kind}_subject", locale, **values)


def _paragraphs(row: OutboxRow, passed: bool) -> list[str]:
    locale, params = row.locale, row.params
    rule, shown = params["rule"], params["figures"]
    if row.template == CLEARED:
        since, until = clock_text(params["raised_us"]), clock_text(params["cleared_us"])
        earlier = [text("mail.passed", locale, since=since, until=until)] if passed else []
        return [*earlier, over_sentence(rule, shown, locale)]
    to_do = f"{text('mail.to_do', locale)}: {advice(rule, params['severity'], locale)}"
    return [sentence(rule, shown, locale), to_do]


def _instants(params: dict[str, Any], locale: str) -> list[tuple[str, str]]:
    known = (("raised", params["raised_us"]), ("cleared", params["cleared_us"]))
    return [
        (text(f"alarm_figure.{name}", locale), clock_text(t_us)) for name, t_us in known if t_us is not None
    ]


def _plain(words: Content, locale: str) -> str:
    parts = ["\n".join(words.paragraphs)]
    if words.rows:
        parts.append("\n".join(f"- {label}: {value}" for label, value in words.rows))
    if words.link:
        parts.append(f"{text('mail.link', locale)}: {words.link}")
    return "\n\n".join([*parts, "\n".join(words.footer)]) + "\n"


def _html(words: Content, locale: str) -> str:
    """Return simple HTML; every word is escaped, since names and answers come from elsewhere."""
    paragraphs = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in words.paragraphs)
    cells = "".join(
        f'<tr><th align="left">{escape(label)}</th><td>{escape(value)}</td></tr>'
        for label, value in words.rows
    )
    table = f'<table cellpadding="4">{cells}</table>' if cells else ""
    href, label = escape(words.link, quote=True), escape(text("mail.link", locale))
    link = f'<p><a href="{href}">{label}</a></p>' if words.link else ""
    footer = "".join(f"<p><small>{escape(line)}</small></p>" for line in words.footer)
    return (
        f'<!doctype html><html lang="{escape(locale)}"><head><meta charset="utf-8">'
        f"<title>{escape(words.subject)}</title></head>"
        f'<body style="font-family: sans-serif">{paragraphs}{table}{link}{footer}</body></html>'
    )


def _first_letter_large(line: str) -> str:
    return line[:1].upper() + line[1:]
