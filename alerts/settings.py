"""Settings of alerts; every wait and bound of it stands here, so that tests can shorten them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.smtp import SmtpSettings
from channels.webhook import WebhookSettings
from records.leases import LeaseSettings


class OutboxSettings(BaseModel):
    """How messages are sent. Times in seconds.

    Attributes:
        poll_every_s: How often the outbox is looked at.
        parallel: Messages being sent at the same time.
        first_retry_s, retry_cap_s: Pause after a failure, doubling up to the cap.
        give_up_after_s: Age at which a message is given up.
        reclaim_after_s: A message claimed this long ago, and not reported, is sent again: its worker is dead.
            It has to be longer than the channels' time-outs.
        finish_within_s: At the end of the program, how long what is being sent may take to finish.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    poll_every_s: float = Field(default=0.5, gt=0)
    parallel: int = Field(default=10, gt=0, le=100)
    first_retry_s: float = Field(default=5.0, gt=0)
    retry_cap_s: float = Field(default=600.0, gt=0)
    give_up_after_s: float = Field(default=86_400.0, gt=0)
    reclaim_after_s: float = Field(default=60.0, gt=0)
    finish_within_s: float = Field(default=5.0, ge=0)


class AlertsSettings(BaseModel):
    """How alerts behaves. Times in seconds.

    Attributes:
        instance: Name of this process in heartbeats, claims and leases; no other process may bear it.
        page_url: Where people reach the pages; messages link to `{page_url}/alarms/ID`.
        poll_every_s: How often new status rows are looked for; the broker's wake-up only makes it sooner.
        tick_every_s: How often the passing of time is looked at.
        registry_every_s: How often the registry's version is looked at.
        batch_rows: Status rows evaluated in one transaction.
        start_grace_s: How long after the start no silence is raised: others may have been off as well.
        watch_every_s: How often a facility's gateways are told that somebody evaluates.
        watch_valid_s: How long they may rely on it.
        heartbeat_every_s: How often the heartbeat is published.
        retry_s: Pause after the records failed.
        smtp: The mail server; without one, mails wait in the outbox.
        webhook: How webhooks are called.
        outbox: How messages are sent.
        lease: How long the watch is held; of several processes one watches, the others stand by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str = "alerts-1"
    page_url: str = "http://127.0.0.1:8000"
    poll_every_s: float = Field(default=1.0, gt=0)
    tick_every_s: float = Field(default=5.0, gt=0)
    registry_every_s: float = Field(default=5.0, gt=0)
    batch_rows: int = Field(default=500, gt=0, le=5000)
    start_grace_s: float = Field(default=120.0, ge=0)
    watch_every_s: float = Field(default=60.0, gt=0)
    watch_valid_s: float = Field(default=180.0, gt=0)
    heartbeat_every_s: float = Field(default=10.0, gt=0)
    retry_s: float = Field(default=1.0, gt=0)
    smtp: SmtpSettings | None = None
    webhook: WebhookSettings = WebhookSettings()
    outbox: OutboxSettings = OutboxSettings()
    lease: LeaseSettings = LeaseSettings()

    @model_validator(mode="after")
    def _claims_outlive_sending(self) -> AlertsSettings:
        longest_s = max(self.webhook.timeout_s, self.smtp.timeout_s if self.smtp else 0.0)
        if self.outbox.reclaim_after_s <= longest_s:
            raise ValueError(
                f"outbox.reclaim_after_s is {self.outbox.reclaim_after_s:g}, expected more than the longest "
                f"time-out of a channel, {longest_s:g} s: a message would be sent twice"
            )
        return self
