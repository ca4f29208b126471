"""Settings of jobs; every wait and bound of it stands here, so that tests can shorten them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.dynamic_security import DynamicSecuritySettings


class BackupSettings(BaseModel):
    """Backups that are made by the clock.

    Attributes:
        folder: Where they go, one file each; on another disk or machine, if it is to help.
        every_s: From one to the next.
        keep: How many are kept; older ones of ours in the folder are deleted after a new one succeeded.
        passphrase_file, key_file: What they are encrypted with; at most one of the two.
        retry_s: How long to wait after a failure.
        prove_every_s: How often a new backup is restored on trial, into a temporary folder; None for never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    every_s: float = Field(default=86_400.0, gt=0)
    keep: int = Field(default=14, ge=1)
    passphrase_file: Path | None = None
    key_file: Path | None = None
    retry_s: float = Field(default=600.0, gt=0)
    prove_every_s: float | None = Field(default=604_800.0, gt=0)

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.passphrase_file is not None and self.key_file is not None:
            raise ValueError("give passphrase_file or key_file, not both")
        return self


class JobsSettings(BaseModel):
    """What runs by the clock, and how much is kept.

    Attributes:
        instance: Name of this process in heartbeats.
        look_every_s: How often it is looked whether a job is due.
        prune_every_s: How often old rows are deleted.
        status_days, checkpoint_days: How long status rows and the engine's checkpoints are kept, days.
        former_account_days: How long after an account was closed its owner's personal data are erased.
        heartbeat_every_s: How often the heartbeat is published.
        seal_every_s: How often the audit is sealed.
        audit_head_addresses: Mail addresses, outside the system, that the audit's newest hash goes to daily.
        audit_head_locale: Language of these mails.
        backup: Backups that are made by the clock; None for none.
        dynamic_security: How gateways are let into the broker; None for a broker without that plugin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str = "jobs-1"
    look_every_s: float = Field(default=5.0, gt=0)
    prune_every_s: float = Field(default=3600.0, gt=0)
    status_days: float = Field(default=7.0, gt=0)
    checkpoint_days: float = Field(default=7.0, gt=0)
    former_account_days: float = Field(default=365.0, gt=0)
    heartbeat_every_s: float = Field(default=10.0, gt=0)
    seal_every_s: float = Field(default=1.0, gt=0)
    audit_head_addresses: tuple[str, ...] = ()
    audit_head_locale: Literal["vi", "en"] = "vi"
    backup: BackupSettings | None = None
    dynamic_security: DynamicSecuritySettings | None = None
