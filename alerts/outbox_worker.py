"""Sends the outbox. At least once: a crash between a server's yes and our note of it costs one duplicate.

Of several unsent messages about one alarm to one contact only the newest is sent. A beginning that could not
be sent before its end is told together with it, with both times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import structlog

from alerts.announcing import CLEARED
from alerts.pacing import Clock, Sleep
from alerts.rendering import mail, webhook_body
from alerts.retrying import Retry, after_failure
from alerts.settings import AlertsSettings
from channels.message import Receipt
from channels.smtp import SmtpChannel
from channels.webhook import WebhookChannel
from oxygen.errors import OxyWatchError, Permanent, Rejected, Retryable
from oxygen.units import US_PER_S
from records import alarms, messages, personal
from records.database import Database, Transaction
from records.messages import OutboxRow

SUPERSEDED = "superseded"
_MANY = 1000

_log = structlog.get_logger(__name__)


class Letter(msgspec.Struct, frozen=True):
    """A claimed message.

    Attributes:
        row: As claimed.
        passed: It tells of an end whose beginning was never delivered to this contact.
    """

    row: OutboxRow
    passed: bool


class OutboxWorker:
    """Claims due messages, gravest first, and sends several at a time.

    Attributes:
        sent, failed: Attempts so far.
    """

    def __init__(
        self,
        database: Database,
        settings: AlertsSettings,
        smtp: SmtpChannel | None,
        webhook: WebhookChannel,
        *,
        clock: Clock,
        sleep: Sleep,
        jitter: Callable[[], float],
    ) -> None:
        """Prepare; `run` does the work. `jitter` returns a number in [0, 1)."""
        self.sent = 0
        self.failed = 0
        self._database = database
        self._settings = settings
        self._smtp = smtp
        self._webhook = webhook
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until cancelled, then let what is being sent come to an end for a while.

        What is cut off even so is sent again by the next worker, perhaps a second time.
        """
        try:
            while True:
                await self._start_due()
                await self._sleep(self._settings.outbox.poll_every_s)
        finally:
            if self._sending:
                await asyncio.wait(self._sending, timeout=self._settings.outbox.finish_within_s)
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _start_due(self) -> None:
        try:
            letters = await self.claim(self._settings.outbox.parallel - len(self._sending))
        except Retryable as error:
            _log.warning("the outbox cannot be read yet", problem=str(error))
            return
        for letter in letters:
            task = asyncio.create_task(self._deliver_safely(letter), name=f"message {letter.row.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def claim(self, limit: int) -> list[Letter]:
        """Return up to `limit` messages that are ours to send now. Raises Retryable."""
        if limit <= 0:
            return []
        now_us = self._clock()
        reclaim_before_us = now_us - round(self._settings.outbox.reclaim_after_s * US_PER_S)
        async with self._database.write() as tx:
            worker = self._settings.instance
            rows = await messages.claim_due(tx, worker, now_us, limit, reclaim_before_us)
            found = [await self._newest(tx, row, now_us) for row in rows]
        return [letter for letter in found if letter is not None]

    async def deliver(self, letter: Letter) -> None:
        """Send one claimed message and note what became of it. Raises Retryable when it cannot be noted."""
        row = letter.row
        try:
            receipt = await self._send(letter)
        except OxyWatchError as error:
            self.failed += 1
            retry = after_failure(
                error,
                attempts=row.attempts,
                created_us=row.created_us,
                now_us=self._clock(),
                settings=self._settings.outbox,
                jitter=self._jitter(),
            )
            _log.warning("message not sent", message=row.id, problem=str(error), given_up=retry.give_up)
            await self._noted(lambda: self._note_failure(row, retry))
            return
        self.sent += 1
        await self._noted(lambda: self._note_sent(row, receipt))

    async def _deliver_safely(self, letter: Letter) -> None:
        try:
            await self.deliver(letter)
        except Exception:  # noqa: BLE001 - logged; the claim runs out and the message is tried again
            _log.exception("message failed unexpectedly", message=letter.row.id)

    async def _newest(self, tx: Transaction, row: OutboxRow, now_us: int) -> Letter | None:
        """Return the claimed message, unless a newer one about the same alarm says more."""
        if row.alarm_id is None or row.contact_id is None:
            return Letter(row, passed=False)
        siblings = await messages.outbox(tx, alarm_id=row.alarm_id, contact_id=row.contact_id, limit=_MANY)
        if any(other.id > row.id and other.state != "given_up" for other in siblings):
            await messages.mark_failed(tx, row.id, SUPERSEDED, now_us, True, worker=row.claimed_by)
            return None
        for other in siblings:
            if other.id < row.id and other.state in ("queued", "failed"):
                await messages.withdraw(tx, other.id, SUPERSEDED)
        told = any(other.state == "sent" for other in siblings)
        return Letter(row, passed=row.template == CLEARED and not told)

    async def _send(self, letter: Letter) -> Receipt:
        row, page_url, now_us = letter.row, self._settings.page_url, self._clock()
        if row.channel == "webhook":
            body = webhook_body(row, page_url=page_url, passed=letter.passed)
            return await self._webhook.send(row.address, row.secret, row.key, body, now_us=now_us)
        if row.channel != "email":
            raise Rejected(f"there is no channel {row.channel}", code="no_such_channel", channel=row.channel)
        if self._smtp is None:
            raise Permanent("no mail server is configured", code="mail_not_configured")
        if personal.is_sealed(row.address):
            async with self._database.read() as tx:
                row = await messages.readable(tx, row)
        return await self._smtp.send(mail(row, page_url=page_url, passed=letter.passed), now_us=now_us)

    async def _noted(self, note: Callable[[], Awaitable[None]]) -> None:
        """Write a note, again and again while the records do not answer and the claim holds."""
        until_us = self._clock() + round(self._settings.outbox.reclaim_after_s * US_PER_S)
        while True:
            try:
                await note()
            except Retryable:
                if self._clock() >= until_us:
                    raise
                await self._sleep(self._settings.retry_s)
                continue
            return

    async def _note_sent(self, row: OutboxRow, receipt: Receipt) -> None:
        now_us = self._clock()
        async with self._database.write() as tx:
            noted = await messages.mark_sent(
                tx, row.id, receipt.reference, now_us=now_us, worker=row.claimed_by
            )
            if noted:
                await self._tell_alarm(tx, row, "delivered", {"receipt": receipt.reference}, now_us)

    async def _note_failure(self, row: OutboxRow, retry: Retry) -> None:
        now_us = self._clock()
        async with self._database.write() as tx:
            noted = await messages.mark_failed(
                tx, row.id, retry.code, retry.due_us, retry.give_up, worker=row.claimed_by
            )
            if noted and retry.give_up:
                detail = {"error": retry.code, "error_params": _plain(retry.params)}
                await self._tell_alarm(tx, row, "undeliverable", detail, now_us)

    async def _tell_alarm(
        self, tx: Transaction, row: OutboxRow, kind: str, detail: Mapping[str, object], now_us: int
    ) -> None:
        if row.alarm_id is None:
            return
        params = {
            "message": row.id,
            "contact": row.params.get("contact"),
            "channel": row.channel,
            "template": row.template,
            "attempts": row.attempts,
            **detail,
        }
        await alarms.add_event(tx, row.alarm_id, kind, at_us=now_us, params=params)


def _plain(params: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | int | float | bool | None) else str(value)
        for name, value in params.items()
    }
