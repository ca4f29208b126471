"""Settings of ingest; every wait and bound of it stands here, so that tests can shorten them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from records.leases import LeaseSettings


class IngestSettings(BaseModel):
    """How ingest behaves. Times in seconds.

    Attributes:
        shard: The shard whose gateways it serves.
        shards: Several shards instead; `*` stands for all there are. Each is served while its lease is held.
        most_shards: Not more than so many are served at a time; the others are left to further processes.
        instance: Name of this process in heartbeats, points and leases; no other process may bear it.
        queue_batches: Received messages waiting to be processed; beyond it they are dropped and come again.
        buffer_points: Points waiting for the store; beyond it evaluation goes on and the points come again.
        write_batch_points: Points in one request to the store.
        ledger_every_s: How often ledgers and checkpoints are saved.
        days_every_s: How often the open day's figures are saved.
        status_every_s: A subject's status is written at least this often, also while it is silent.
        status_flush_s: Statuses that came up within this time share one transaction.
        late_patience_s: Late rows wait this long for the rest of a gap before the past is worked out again.
        request_after_s: A hole in an epoch is asked for again when it is this old.
        registry_every_s: How often the registry's version is looked at.
        work_every_s: How often work rows are looked for.
        retry_first_s, retry_cap_s: Pause after the store or the records failed, doubling up to the cap.
        future_tolerance_s: A reading this far ahead of the server's clock goes to the dead letters.
        oldest_days: A reading older than this goes to the dead letters.
        health_every_s: How often the gateway and ingest points and the heartbeat are written.
        fleet_every_s: How often what gateways say of themselves is written.
        lease: How long a shard is held.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: str = "hcm"
    shards: tuple[str, ...] = ()
    most_shards: int = Field(default=100, gt=0)
    instance: str = "ingest-1"
    queue_batches: int = Field(default=2000, gt=0)
    buffer_points: int = Field(default=200_000, gt=0)
    write_batch_points: int = Field(default=5000, gt=0)
    ledger_every_s: float = Field(default=30.0, gt=0, le=60)
    days_every_s: float = Field(default=300.0, gt=0)
    status_every_s: float = Field(default=60.0, gt=0, le=60)
    status_flush_s: float = Field(default=0.05, ge=0)
    late_patience_s: float = Field(default=900.0, ge=0)
    request_after_s: float = Field(default=45.0, gt=0)
    registry_every_s: float = Field(default=5.0, gt=0)
    work_every_s: float = Field(default=1.0, gt=0)
    retry_first_s: float = Field(default=0.5, gt=0)
    retry_cap_s: float = Field(default=10.0, gt=0)
    future_tolerance_s: float = Field(default=300.0, ge=0)
    oldest_days: float = Field(default=400.0, gt=0)
    health_every_s: float = Field(default=10.0, gt=0)
    fleet_every_s: float = Field(default=5.0, gt=0)
    lease: LeaseSettings = LeaseSettings()
