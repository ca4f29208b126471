"""Settings of jobs; every wait and bound of it stands here, so that tests can shorten them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JobsSettings(BaseModel):
    """What runs by the clock, and how much is kept.

    Attributes:
        instance: Name of this process in heartbeats.
        look_every_s: How often it is looked whether a job is due.
        prune_every_s: How often old rows are deleted.
        status_days, checkpoint_days: How long status rows and the engine's checkpoints are kept, days.
        heartbeat_every_s: How often the heartbeat is published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance: str = "jobs-1"
    look_every_s: float = Field(default=5.0, gt=0)
    prune_every_s: float = Field(default=3600.0, gt=0)
    status_days: float = Field(default=7.0, gt=0)
    checkpoint_days: float = Field(default=7.0, gt=0)
    heartbeat_every_s: float = Field(default=10.0, gt=0)
